package migrations_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// object is a job as a producer writes it.
type object = map[string]any

// submit submits jobs and fails the test on an error.
func submit(t *testing.T, s *store.Store, batch, onExisting string, jobs ...object) store.Submission {
	t.Helper()
	submission, err := s.Submit(t.Context(), batch, storetest.JSON(append([]object{}, jobs...)), nil, onExisting)
	if err != nil {
		t.Fatal(err)
	}
	return submission
}

func TestSubmitJobsTakesDefaultsForWhatIsLeftOut(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	got := submit(t, db.Store(), "b", "retry_failed",
		object{"tag": "bare"},
		object{"tag": "nulls", "kind": nil, "payload": nil, "pool": nil, "slots": nil, "priority": nil, "run_at": nil, "max_attempts": nil, "dedupe_key": nil, "mutex_key": nil, "timeout_seconds": nil, "biz_date": nil, "batch": nil},
		object{"tag": "full", "batch": "b", "kind": "http", "payload": object{"url": "x"}, "pool": "default", "slots": 2, "priority": 9, "run_at": "2030-01-01T00:00:00Z", "max_attempts": 7, "dedupe_key": "k", "mutex_key": "m", "timeout_seconds": 60, "biz_date": "2026-11-22"})
	if want := (store.Submission{Batch: "b", Inserted: 3}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	const bare = `sql {} default 2 f - - - 5 3 1 b`
	rows := storetest.All[string](db, `SELECT concat_ws(' ', kind, payload, pool, CASE WHEN dedupe_key IS NULL THEN 1 ELSE 2 END, run_at > now(),
		coalesce(mutex_key, '-'), coalesce(timeout_seconds::text, '-'), coalesce(biz_date::text, '-'), priority, max_attempts, slots, batch) FROM tagexec.tag_jobs ORDER BY id`)
	for i, want := range []string{bare, bare, `http {"url": "x"} default 2 t m 60 2026-11-22 9 7 2 b`} {
		if rows[i] != want {
			t.Errorf("job %d: %s\nwant   %s", i, rows[i], want)
		}
	}
}

// After Graphile's "schedules a new job if existing is being processed", which here would run the same work twice at once.
func TestSubmitJobsDecidesByOnExistingWhatBecomesOfFinishedJobs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		onExisting string
		requeued   int
		states     string // of succeeded, failed, cancelled, running, pending, new
	}{
		{"attach", 0, "[succeeded failed cancelled running pending pending]"},
		{"retry_failed", 2, "[succeeded pending pending running pending pending]"},
		{"rerun_all", 3, "[pending pending pending running pending pending]"},
	} {
		t.Run(tt.onExisting, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			s, c := db.Store(), db.Claimer(store.Executor{})
			var jobs []object
			for i, tag := range []string{"succeeded", "failed", "cancelled", "running", "pending"} {
				jobs = append(jobs, object{"tag": tag, "priority": 9 - i, "max_attempts": 1})
			}
			submit(t, s, "b", "attach", jobs...)
			claimed := c.MustClaim(t, 4)
			c.End(t, store.Succeeded, claimed[0])
			c.End(t, store.Failed, claimed[1])
			c.End(t, store.Cancelled, claimed[2])
			for _, job := range jobs {
				job["priority"] = 1
			}
			got := submit(t, s, "b", tt.onExisting, append(jobs, object{"tag": "new"})...)
			if want := (store.Submission{Batch: "b", Inserted: 1, Existing: 5, Requeued: tt.requeued}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if states := fmt.Sprint(storetest.All[string](db, "SELECT state FROM tagexec.tag_jobs ORDER BY id")); states != tt.states {
				t.Errorf("states %s, want %s", states, tt.states)
			}
			// What was requeued took the new columns and starts afresh; nothing else was touched.
			if n := storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_jobs WHERE (priority = 1) AND failures = 0 AND error_code IS NULL AND batch = 'b'"); n != tt.requeued {
				t.Errorf("%d jobs took the new priority, want %d", n, tt.requeued)
			}
		})
	}
}

func TestSubmitJobsRequeuesWithAllColumnsOfTheNewSubmission(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 5)")
	s, c := db.Store(), db.Claimer(store.Executor{})
	submit(t, s, "b", "attach", object{"tag": "old", "dedupe_key": "k", "mutex_key": "m", "timeout_seconds": 5, "biz_date": "2026-01-01"})
	c.End(t, store.Cancelled, c.MustClaim(t, 1)...)
	submit(t, s, "b", "retry_failed", object{"tag": "new", "dedupe_key": "k", "kind": "http", "payload": object{"a": 1}, "pool": "p", "slots": 5, "priority": 2, "max_attempts": 9, "run_at": "2030-01-01T00:00:00Z"})
	got := storetest.One[string](db, `SELECT concat_ws(' ', tag, kind, payload, pool, slots, priority, max_attempts, coalesce(mutex_key, '-'),
		coalesce(timeout_seconds::text, '-'), coalesce(biz_date::text, '-'), run_at::date, attempt) FROM tagexec.tag_jobs`)
	if want := `new http {"a": 1} p 5 2 9 - - - 2030-01-01 1`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestSubmitJobsRefusesAWrongSubmissionByName(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := db.Store()
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('small', 1)")
	db.Insert(storetest.Row{"batch": "held", "dedupe_key": "k"}, storetest.Row{"dedupe_key": "free"})
	db.Exec("ALTER TABLE tagexec.tag_jobs ADD CONSTRAINT no_such_tag CHECK (tag <> 'forbidden') NOT VALID")
	for _, tt := range []struct {
		name, batch, jobs, context, onExisting string
		code, message                          string
	}{
		{"no batch", "", `[]`, `{}`, "attach", "22023", "batch must not be empty: it is the key by which the jobs are found again"},
		{"a batch of 501 characters", strings.Repeat("b", 501), `[]`, `{}`, "attach", "23514", ""},
		{"an unknown policy", "b", `[]`, `{}`, "replace", "22023", `on_existing is "replace"; it may be attach, retry_failed, rerun_all or error`},
		{"an existing batch with the policy error", "held", `[]`, `{}`, "error", "23505", `batch "held" exists already`},
		{"an object instead of an array", "b", `{"tag": "t"}`, `{}`, "attach", "22023", "jobs must be a JSON array of objects"},
		{"a string among the jobs", "b", `[{"tag": "t"}, "t"]`, `{}`, "attach", "22023", "job 2 is no object but a JSON string"},
		{"an unknown field", "b", `[{"tag": "t"}, {"tag": "u", "colour": 1}]`, `{}`, "attach", "22023", `job 2 has an unknown field "colour"; known: tag, kind`},
		{"a forged author", "b", `[{"tag": "t", "created_by": "boss"}]`, `{}`, "attach", "22023", `job 1 has an unknown field "created_by"`},
		{"a forged state", "b", `[{"tag": "t", "state": "succeeded"}]`, `{}`, "attach", "22023", `job 1 has an unknown field "state"`},
		{"no tag", "b", `[{"tag": "t"}, {"kind": "sql"}]`, `{}`, "attach", "22023", "job 2 has no tag"},
		{"a null tag", "b", `[{"tag": null}]`, `{}`, "attach", "22023", "job 1 has no tag"},
		{"an empty tag", "b", `[{"tag": ""}]`, `{}`, "attach", "23514", `job 1 (tag ""): tag is "", which breaks the rule tag_jobs_tag_has_1_to_200_characters`},
		{"another batch in a job", "b", `[{"tag": "t", "batch": "c"}]`, `{}`, "attach", "22023", `job 1 names batch "c" in a submission of batch "b"`},
		{"a word as a number", "b", `[{"tag": "t"}, {"tag": "u", "slots": "many"}]`, `{}`, "attach", "22023", `job 2 (tag "u"): slots: invalid input syntax for type integer: "many"`},
		{"a fraction as a priority", "b", `[{"tag": "t", "priority": 1.5}]`, `{}`, "attach", "22023", `job 1 (tag "t"): priority: invalid input syntax`},
		{"a priority beyond smallint", "b", `[{"tag": "t", "priority": 70000}]`, `{}`, "attach", "22023", `job 1 (tag "t"): priority: value "70000" is out of range`},
		{"a date that does not exist", "b", `[{"tag": "t", "biz_date": "2026-02-30"}]`, `{}`, "attach", "22023", `job 1 (tag "t"): biz_date: date/time field value out of range`},
		{"an endless date", "b", `[{"tag": "t", "biz_date": "infinity"}]`, `{}`, "attach", "23514", `job 1 (tag "t"): biz_date is "infinity", which breaks the rule tag_jobs_biz_date_is_finite`},
		{"an endless run_at", "b", `[{"tag": "t", "run_at": "infinity"}]`, `{}`, "attach", "23514", `job 1 (tag "t"): run_at is "infinity", which breaks the rule tag_jobs_run_at_is_finite`},
		{"a priority above 9", "b", `[{"tag": "t"}, {"tag": "u", "priority": 10}]`, `{}`, "attach", "23514", `job 2 (tag "u"): priority is 10, which breaks the rule tag_jobs_priority_from_0_to_9`},
		{"a rule of the administrator", "b", `[{"tag": "t"}, {"tag": "forbidden"}]`, `{}`, "attach", "23514", `job 2 (tag "forbidden"): tag is "forbidden", which breaks the rule no_such_tag`},
		{"a day that may be another in another session", "b", `[{"tag": "t"}, {"tag": "u", "biz_date": "01/02/2026"}]`, `{}`, "attach", "22023", `job 2 (tag "u"): biz_date "01/02/2026" must begin with its year`},
		{"a day in a word", "b", `[{"tag": "t", "biz_date": "today"}]`, `{}`, "attach", "22023", `job 1 (tag "t"): biz_date "today" must begin with its year`},
		{"a run_at that may be another in another session", "b", `[{"tag": "t", "run_at": "01/02/2026 20:00Z"}]`, `{}`, "attach", "22023", `job 1 (tag "t"): run_at "01/02/2026 20:00Z" must be a time with its zone`},
		{"an abbreviation of several zones", "b", `[{"tag": "t", "run_at": "2026-11-28 20:00 CST"}]`, `{}`, "attach", "22023", `job 1 (tag "t"): run_at "2026-11-28 20:00 CST" must be a time with its zone`},
		{"a zone that counts the other way", "b", `[{"tag": "t", "run_at": "2026-11-28 20:00 UTC+8"}]`, `{}`, "attach", "22023", `job 1 (tag "t"): run_at "2026-11-28 20:00 UTC+8" must be a time with its zone`},
		{"a run_at without a zone", "b", `[{"tag": "t", "run_at": "2026-11-28T20:00Z"}, {"tag": "u", "run_at": "2026-11-28 20:00"}]`, `{}`, "attach", "22023", `job 2 (tag "u"): run_at "2026-11-28 20:00" must be a time with its zone`},
		{"a day as run_at", "b", `[{"tag": "t", "run_at": "2026-11-28"}]`, `{}`, "attach", "22023", `job 1 (tag "t"): run_at "2026-11-28" must be a time with its zone`},
		{"a number as run_at", "b", `[{"tag": "t", "run_at": 20261128}]`, `{}`, "attach", "22023", `job 1 (tag "t"): run_at "20261128" must be a time with its zone`},
		{"a word as run_at", "b", `[{"tag": "t", "run_at": "tomorrow"}]`, `{}`, "attach", "22023", `job 1 (tag "t"): run_at "tomorrow" must be a time with its zone`},
		{"a string as a payload", "b", `[{"tag": "t", "payload": "{}"}]`, `{}`, "attach", "22023", `job 1 (tag "t"): payload must be an object, not a JSON string`},
		{"an object as a tag", "b", `[{"tag": {"a": 1}}]`, `{}`, "attach", "22023", `tag must be a string, not a JSON object`},
		{"a boolean as a mutex key", "b", `[{"tag": "t", "mutex_key": true}]`, `{}`, "attach", "22023", `job 1 (tag "t"): mutex_key must be a string, not a JSON boolean`},
		{"an unknown kind", "b", `[{"tag": "t", "kind": "spark"}]`, `{}`, "attach", "23503", `unknown kind "spark"`},
		{"an unknown pool", "b", `[{"tag": "t", "pool": "nowhere"}]`, `{}`, "attach", "23503", `unknown pool "nowhere"`},
		{"too many slots", "b", `[{"tag": "t", "pool": "small", "slots": 2}]`, `{}`, "attach", "23514", `a job of 2 slots never fits pool "small", which has 1`},
		{"too large a payload", "b", `[{"tag": "t", "payload": {"a": "` + strings.Repeat("x", 1<<18) + `"}}]`, `{}`, "attach", "23514", "a payload of 262153 bytes is too large"},
		{"no attempts", "b", `[{"tag": "t", "max_attempts": 0}]`, `{}`, "attach", "23514", `job 1 (tag "t"): max_attempts is 0, which breaks the rule tag_jobs_max_attempts_from_1_to_100`},
		{"the same job twice", "b", `[{"tag": "t"}, {"tag": "u"}, {"tag": "t"}]`, `{}`, "attach", "23505", `jobs 1, 3 (tag "t") have the same dedupe_key`},
		{"the same key twice", "b", `[{"tag": "t", "dedupe_key": "x"}, {"tag": "u", "dedupe_key": "x"}]`, `{}`, "attach", "23505", `jobs 1, 2 (tag "t") have the same dedupe_key`},
		{"a key held by another batch", "b", `[{"tag": "t"}, {"tag": "u", "dedupe_key": "k"}]`, `{}`, "rerun_all", "23505", `the dedupe_key of job 2 (tag "u") is held by batch "held"`},
		{"a key held by a job without a batch", "b", `[{"tag": "u", "dedupe_key": "free"}]`, `{}`, "attach", "23505", `the dedupe_key of job 1 (tag "u") is held by a job without a batch`},
		{"a context that is no object", "b", `[]`, `[]`, "attach", "22023", "context must be a JSON object"},
		{"an unknown context field", "b", `[]`, `{"dag": "d"}`, "attach", "22023", `context has an unknown field "dag"; known: dag_id`},
		{"a word as a context number", "b", `[]`, `{"try_number": "first"}`, "attach", "22023", `context: try_number: invalid input syntax for type integer: "first"`},
		{"an object in the context", "b", `[]`, `{"dag_id": {}}`, "attach", "22023", "context: dag_id must be a string or a number, not a JSON object"},
		{"a traceparent that is none", "b", `[]`, `{"traceparent": "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"}`, "attach", "22023", `context: traceparent "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01" must be one of W3C Trace Context`},
		{"a due date without a zone", "b", `[]`, `{"due_at": "2026-11-28 20:00"}`, "attach", "22023", `context: due_at "2026-11-28 20:00" must be a time with its zone`},
		{"an expiry without a zone", "b", `[]`, `{"due_at": "2026-11-28 20:00+8", "expires_at": "2026-11-28T20:00:00"}`, "attach", "22023", `context: expires_at "2026-11-28T20:00:00" must be a time with its zone`},
		{"an endless expiry", "b", `[]`, `{"expires_at": "infinity"}`, "attach", "23514", "tag_batches_expires_at_is_finite"},
		{"an endless due date", "b", `[]`, `{"due_at": "infinity"}`, "attach", "23514", "tag_batches_due_at_is_finite"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.Submit(t.Context(), tt.batch, json.RawMessage(tt.jobs), json.RawMessage(tt.context), tt.onExisting)
			if pg := storetest.PgError(t, err); pg.Code != tt.code || !strings.Contains(pg.Message, tt.message) {
				t.Errorf("refused with %s %q\nwant %s %q", pg.Code, pg.Message, tt.code, tt.message)
			}
			if n := storetest.One[int](db, "SELECT (SELECT count(*) FROM tagexec.tag_jobs) + (SELECT count(*) FROM tagexec.tag_batches)"); n != 3 {
				t.Errorf("%d rows of the refused submission stayed behind", n-3)
			}
		})
	}
}

// Whoever submits it, a time with a zone is one moment.
func TestSubmitJobsTakesTimesWithTheirZone(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	conn := db.Conn()
	for i, tt := range []struct{ given, want string }{
		{"2026-11-28T20:00:00Z", "2026-11-28 20:00:00"},
		{"2026-11-28 20:00z", "2026-11-28 20:00:00"},
		{"2026-11-28T20:00:00.5+08:00", "2026-11-28 12:00:00.5"},
		{"2026-11-28 20:00-0330", "2026-11-28 23:30:00"},
		{"20261128T200000+08", "2026-11-28 12:00:00"},
		{"2026-11-28 20:00:00.123456+00", "2026-11-28 20:00:00.123456"}, // as Postgres writes it
		{"2026-11-28T20:00:00+05:30", "2026-11-28 14:30:00"},
		{"2026-11-28 20:00 UTC", "2026-11-28 20:00:00"},
		{"2026-11-28 20:00 Asia/Shanghai", "2026-11-28 12:00:00"},
	} {
		for _, zone := range []string{"UTC", "Asia/Shanghai", "America/St_Johns", "Etc/GMT+12"} {
			batch := fmt.Sprint(i, zone)
			if _, err := conn.Exec(t.Context(), "SELECT set_config('timezone', $1, false)", zone); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Exec(t.Context(), "SELECT tagexec.submit_jobs($1, jsonb_build_array(jsonb_build_object('tag', 't', 'run_at', $2::text)), jsonb_build_object('due_at', $2::text))", batch, tt.given); err != nil {
				t.Errorf("%s in a session of %s: %v", tt.given, zone, err)
				continue
			}
			got := storetest.One[bool](db, "SELECT j.run_at = $2::timestamp AT TIME ZONE 'UTC' AND b.due_at = j.run_at FROM tagexec.tag_jobs j JOIN tagexec.tag_batches b USING (batch) WHERE batch = $1", batch, tt.want)
			storetest.Check(t, tt.given+" in a session of "+zone, got, true)
		}
	}
}

func TestSubmitJobsRefusesNullArguments(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for _, sql := range []string{
		"SELECT tagexec.submit_jobs(NULL, '[]')",
		"SELECT tagexec.submit_jobs('b', NULL)",
		"SELECT tagexec.submit_jobs('b', 'null')",
		"SELECT tagexec.submit_jobs('b', '[]', NULL)",
		"SELECT tagexec.submit_jobs('b', '[]', '{}', NULL)",
	} {
		_, err := db.Pool.Exec(t.Context(), sql)
		if pg := storetest.PgError(t, err); pg.Code != "22023" {
			t.Errorf("%s: %v", sql, pg)
		}
	}
}

func TestSubmitJobsKnowsAJobByItsBatchTagAndBizDate(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := db.Store()
	odd := []object{{"tag": "a"}, {"tag": "a", "biz_date": "2026-01-01"}, {"tag": "a", "biz_date": "2026-01-02"}, {"tag": `a","2026-01-01`}, {"tag": "a]"}, {"tag": "😀\\"}, {"tag": "a", "biz_date": "0044-03-15 BC"}, {"tag": "a", "biz_date": "0044-03-15"}}
	for _, batch := range []string{"b", `b","a`, "b "} {
		if got := submit(t, s, batch, "attach", odd...); got.Inserted != len(odd) {
			t.Errorf("batch %q: %+v", batch, got)
		}
		if got := submit(t, s, batch, "attach", odd...); got.Inserted != 0 || got.Existing != len(odd) {
			t.Errorf("batch %q again: %+v", batch, got)
		}
	}
}

func TestSubmitJobsKeepsTheContextWhereALaterOneIsSilent(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := db.Store()
	for _, context := range []string{
		`{"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": -1, "try_number": 1, "logical_date": "2026-01-01T00:00:00Z", "log_url": "u", "due_at": "2026-01-02T00:00:00Z", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}`,
		`{"try_number": 2, "log_url": null}`,
	} {
		if _, err := s.Submit(t.Context(), "b", json.RawMessage(`[]`), json.RawMessage(context), "attach"); err != nil {
			t.Fatal(err)
		}
	}
	got := storetest.One[string](db, "SELECT concat_ws(' ', dag_id, run_id, task_id, map_index, try_number, logical_date::date, log_url, due_at::date, submit_count, created_by, traceparent) FROM tagexec.tag_batches")
	if want := "d r t -1 2 2026-01-01 u 2026-01-02 2 postgres 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSubmitJobsConcurrentlyInsertsEachJobOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := db.Store()
	var jobs, reversed []object
	for i := range 100 {
		jobs = append(jobs, object{"tag": fmt.Sprint(i)})
		reversed = append(reversed, object{"tag": fmt.Sprint(99 - i)})
	}
	for round := range 10 {
		var g errgroup.Group
		inserted := make([]int, 4)
		for i := range inserted {
			g.Go(func() error {
				list := jobs
				if i%2 == 1 {
					list = reversed
				}
				got, err := s.Submit(t.Context(), fmt.Sprint("b", round), storetest.JSON(list), nil, "rerun_all")
				inserted[i] = got.Inserted
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		if sum := inserted[0] + inserted[1] + inserted[2] + inserted[3]; sum != 100 {
			t.Errorf("inserted %v", inserted)
		}
	}
}

func TestSubmitJobsCancelRetryAndInsertOfTheSameKeysDoNotDeadlock(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := db.Store()
	for round := range 20 {
		batch, key := fmt.Sprint("b", round), fmt.Sprint("k", round)
		var g errgroup.Group
		for range 2 {
			g.Go(func() error {
				_, err := s.Submit(t.Context(), batch, storetest.JSON([]object{{"tag": "t", "dedupe_key": key}}), nil, "rerun_all")
				return err
			})
			g.Go(func() error {
				_, err := db.Pool.Exec(t.Context(), "SELECT tagexec.cancel_batch($1)", batch)
				return err
			})
			g.Go(func() error {
				_, err := db.Pool.Exec(t.Context(), "SELECT tagexec.retry_batch($1, 'all')", batch)
				if err != nil && storetest.PgError(t, err).Code == "P0002" {
					return nil // the first of the round
				}
				return err
			})
			g.Go(func() error {
				_, err := db.Pool.Exec(t.Context(), "INSERT INTO tagexec.tag_jobs (tag, batch, dedupe_key) VALUES ('t', $1, $2) ON CONFLICT DO NOTHING", batch, key)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		if n := storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_jobs WHERE dedupe_key = $1", key); n != 1 {
			t.Fatalf("%d jobs with one key", n)
		}
	}
}

// The order of a plain INSERT is its jobs' keys, then the row of a new batch;
// submit_jobs must not hold the batch's row while it waits for a key.
func TestSubmitJobsDoesNotHoldTheBatchWhileItWaitsForAKey(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	tx, err := db.Conn().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "INSERT INTO tagexec.tag_jobs (tag, dedupe_key) VALUES ('t', 'k')"); err != nil {
		t.Fatal(err)
	}
	submitted := make(chan error, 1)
	s := db.Store()
	go func() {
		_, err := s.Submit(t.Context(), "b", storetest.JSON([]object{{"tag": "t", "dedupe_key": "k"}}), nil, "attach")
		submitted <- err
	}()
	storetest.Eventually(t, "the submission waits for the key", func() bool { return db.Waiting() == 1 })
	if _, err := tx.Exec(t.Context(), "INSERT INTO tagexec.tag_jobs (tag, batch) VALUES ('t', 'b')"); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The key went to a job without a batch, which nobody could see when the submission began.
	if pg := storetest.PgError(t, <-submitted); pg.Code != "23505" || !strings.Contains(pg.Message, "is held by a job without a batch") {
		t.Error(pg)
	}
}

func TestSubmitJobsTakes20000Jobs(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	const sql = `SELECT tagexec.submit_jobs('b', jsonb_agg(jsonb_build_object('tag', 'tag_' || i % 500, 'biz_date', date '2026-01-01' + i / 500,
		'payload', jsonb_build_object('source', 'warehouse', 'args', ARRAY[i]))))::text FROM generate_series(1, 20000) i`
	for _, want := range []string{
		`{"batch": "b", "existing": 0, "inserted": 20000, "requeued": 0}`,
		`{"batch": "b", "existing": 20000, "inserted": 0, "requeued": 0}`,
	} {
		if got := storetest.One[string](db, sql); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
