package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// running is a job as it is in its first attempt.
func running(executor uuid.UUID) storetest.Row {
	return storetest.Row{"state": "running", "attempt": 1, "executor_id": executor, "started_at": time.Now().Add(-time.Minute),
		"created_at": time.Now().Add(-time.Hour), "run_at": time.Now().Add(-time.Hour), "deadline_at": time.Now().Add(time.Hour)}
}

// ended is a job whose first attempt ended in a state.
func ended(db *storetest.DB, row storetest.Row, state string, executor uuid.UUID) int64 {
	full := storetest.Row{"state": state, "attempt": 1, "executor_id": executor, "started_at": "2026-01-01", "finished_at": "2026-01-02",
		"failures": 0, "crashes": 1, "error_code": "x", "error": "y", "exit_code": 3, "rows_affected": 4, "result": "{}"}
	outcome := state
	if state == "failed" {
		full["failures"] = 1
	}
	for column, value := range row {
		full[column] = value
	}
	id := db.Insert(full)[0]
	db.Exec(`INSERT INTO tagexec.tag_job_attempts (job_id, attempt, executor_id, hostname, queued_at, started_at, finished_at, outcome)
	         VALUES ($1, 1, $2, '', '2026-01-01', '2026-01-01', '2026-01-02', $3)`, id, executor, outcome)
	return id
}

// actions are the operator actions on record, oldest first.
func actions(db *storetest.DB) []string {
	return storetest.All[string](db, `SELECT concat_ws(' ', action, job_id, batch, pool, reason, before, '->', after)
		FROM tagexec.tag_operator_actions WHERE by = session_user AND at <= clock_timestamp() ORDER BY id`)
}

// check compares two values as they print.
func check(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s:\ngot  %v\nwant %v", what, got, want)
	}
}

const jobLine = `SELECT concat_ws(' ', state, attempt, failures, crashes, num_nonnulls(cancel_requested_at, retry_request, rows_affected, exit_code, result, error_code, error),
	run_at >= now() - interval '1 min') FROM tagexec.tag_jobs WHERE id = $1`

func TestRetryBatchMakesWhatEndedPendingAgain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		call    string
		touched int
		states  string // of succeeded, failed, cancelled, pending, running, being cancelled, failed of another batch
	}{
		{"retry_batch('b')", 3, "[succeeded pending pending pending running pending failed]"},
		{"retry_batch('b', 'failed')", 3, "[succeeded pending pending pending running pending failed]"},
		{"retry_batch(batch => 'b', which => 'all')", 4, "[pending pending pending pending running pending failed]"},
	} {
		t.Run(tt.call, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			c := newClaimer(db, store.QueueConfig{})
			list := []int64{ended(db, storetest.Row{"batch": "b"}, "succeeded", c.id), ended(db, storetest.Row{"batch": "b"}, "failed", c.id),
				ended(db, storetest.Row{"batch": "b"}, "cancelled", c.id)}
			later := db.Insert(storetest.Row{"batch": "b", "run_at": "2040-01-01"})[0]
			first, second := running(c.id), running(c.id)
			first["batch"], second["batch"], second["cancel_requested_at"] = "b", "b", time.Now()
			list = append(list, later)
			list = append(list, db.Insert(first, second)...)
			list = append(list, ended(db, storetest.Row{"batch": "other"}, "failed", c.id))
			db.Exec("UPDATE tagexec.tag_batches SET cancel_requested_at = now(), cancel_reason = 'r'")
			call := func() int { return storetest.One[int](db, "SELECT tagexec."+tt.call) }
			check(t, "touched", call(), tt.touched)
			check(t, "the second call touched", call(), 0)
			if fates := c.record(t, store.Result{Claim: store.Claim{ID: list[5], Attempt: 1, Executor: c.id}, Outcome: store.Cancelled}); fates[0] != store.Applied {
				t.Errorf("fate %s", fates[0])
			}
			check(t, "states", storetest.All[string](db, "SELECT state FROM tagexec.tag_jobs WHERE id = ANY ($1) ORDER BY array_position($1, id)", list), tt.states)
			check(t, "the failed job", storetest.One[string](db, jobLine, list[1]), "pending 1 0 0 0 t")
			check(t, "the job whose cancel was in flight", storetest.One[string](db, jobLine, list[5]), "pending 1 0 0 0 t")
			check(t, "a waiting job's time", storetest.One[bool](db, "SELECT run_at = '2040-01-01' FROM tagexec.tag_jobs WHERE id = $1", later), true)
			check(t, "the batches", storetest.All[string](db, "SELECT concat_ws(' ', batch, cancel_reason, cancel_requested_at IS NULL) FROM tagexec.tag_batches ORDER BY 1"), "[b t other r f]")
			which := "failed"
			if tt.touched == 4 {
				which = "all"
			}
			check(t, "on record", actions(db), fmt.Sprintf(`[retry_batch b {"failed": 1, "pending": 1, "running": 2, "cancelled": 1, "succeeded": 1} -> {"which": "%s", "requeued": %d}]`, which, tt.touched))
		})
	}
}

func TestOperatorFunctionsRefuseWhatTheyCannotDo(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Insert(storetest.Row{"batch": "b"})
	for _, tt := range []struct{ call, code, message string }{
		{"retry_batch('nobody')", "P0002", `there is no batch "nobody"`},
		{"retry_batch(NULL)", "P0002", `there is no batch`},
		{"retry_batch('b', 'some')", "22023", `which is "some"; it may be failed (failed and cancelled jobs) or all`},
		{"retry_batch('b', NULL)", "22023", "which is null"},
	} {
		_, err := db.Pool.Exec(t.Context(), "SELECT tagexec."+tt.call)
		if pg := pgError(t, err); pg.Code != tt.code || !strings.Contains(pg.Message, tt.message) {
			t.Errorf("%s: %s %s", tt.call, pg.Code, pg.Message)
		}
	}
	for _, call := range []string{"cancel_job(0)", "cancel_job(NULL)", "cancel_job(NULL, 'r')", "retry_job(0)", "retry_job(NULL)"} {
		if storetest.One[bool](db, "SELECT tagexec."+call) {
			t.Errorf("%s did something", call)
		}
	}
	check(t, "batch without anything to retry", storetest.One[int](db, "SELECT tagexec.retry_batch('b', 'all')"), 0)
	check(t, "on record", actions(db), "[]")
}

func TestCancelJob(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := newClaimer(db, store.QueueConfig{})
	cancelled := running(c.id)
	cancelled["cancel_requested_at"] = time.Now()
	retried := running(c.id)
	retried["cancel_requested_at"], retried["retry_request"] = time.Now(), "{}"
	const before = `{"state": "running"} -> {"asked_to_stop": true}`
	for _, tt := range []struct {
		name   string
		id     int64
		did    bool
		line   string
		action string // without name and id
	}{
		{"pending", db.Insert(storetest.Row{})[0], true, "cancelled 0 0 0 2 t", `why {"state": "pending"} -> {"state": "cancelled"}`},
		{"running", db.Insert(running(c.id))[0], true, "running 1 0 0 1 f", "why " + before},
		{"already being cancelled", db.Insert(cancelled)[0], false, "running 1 0 0 1 f", ""},
		{"being cancelled with a retry behind it", db.Insert(retried)[0], true, "running 1 0 0 1 f", "why " + before},
		{"succeeded", ended(db, nil, "succeeded", c.id), false, "succeeded 1 0 1 5 t", ""},
		{"failed", ended(db, nil, "failed", c.id), false, "failed 1 1 1 5 t", ""},
		{"cancelled", ended(db, nil, "cancelled", c.id), false, "cancelled 1 0 1 5 t", ""},
	} {
		done := len(actions(db))
		check(t, tt.name, storetest.One[bool](db, "SELECT tagexec.cancel_job($1, 'why')", tt.id), tt.did)
		check(t, tt.name+", the job", storetest.One[string](db, jobLine, tt.id), tt.line)
		want := "[]"
		if tt.action != "" {
			want = fmt.Sprintf("[cancel_job %d %s]", tt.id, tt.action)
		}
		check(t, tt.name+", on record", actions(db)[done:], want)
	}
	id := db.Insert(storetest.Row{})[0]
	db.Exec("SELECT tagexec.cancel_job($1)", id)
	check(t, "without a reason", storetest.One[string](db, "SELECT concat_ws(' ', error_code, error, finished_at IS NOT NULL) FROM tagexec.tag_jobs WHERE id = $1", id), "cancelled cancelled before it started t")
}

// After River's driver test DoesNotUpdateARunningJob.
func TestRetryJob(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := newClaimer(db, store.QueueConfig{})
	cancelled, asked := running(c.id), running(c.id)
	cancelled["cancel_requested_at"] = time.Now()
	asked["cancel_requested_at"], asked["retry_request"] = time.Now(), "{}"
	waits := ended(db, storetest.Row{}, "failed", c.id)
	db.Exec("UPDATE tagexec.tag_jobs SET state = 'pending', run_at = now() + interval '1 h' WHERE id = $1", waits)
	due := ended(db, storetest.Row{}, "failed", c.id)
	db.Exec("UPDATE tagexec.tag_jobs SET state = 'pending' WHERE id = $1", due)
	again := func(state string, failures int) string {
		return fmt.Sprintf(`{"state": "%s", "failures": %d} -> {"state": "pending"}`, state, failures)
	}
	for _, tt := range []struct {
		name   string
		id     int64
		did    bool
		line   string
		action string
	}{
		{"failed", ended(db, nil, "failed", c.id), true, "pending 1 0 0 0 t", again("failed", 1)},
		{"cancelled", ended(db, nil, "cancelled", c.id), true, "pending 1 0 0 0 t", again("cancelled", 0)},
		{"succeeded", ended(db, nil, "succeeded", c.id), true, "pending 1 0 0 0 t", again("succeeded", 0)},
		{"waiting after a failure", waits, true, "pending 1 0 0 0 t", again("pending", 1)},
		{"due after a failure", due, false, "pending 1 1 1 5 t", ""},
		{"waiting for its own time", db.Insert(storetest.Row{"run_at": "2040-01-01"})[0], false, "pending 0 0 0 0 t", ""},
		{"running", db.Insert(running(c.id))[0], false, "running 1 0 0 0 f", ""},
		{"being cancelled", db.Insert(cancelled)[0], true, "running 1 0 0 2 f", `{"state": "running", "failures": 0} -> {"pending_after_cancel": true}`},
		{"being cancelled with a retry behind it", db.Insert(asked)[0], false, "running 1 0 0 2 f", ""},
	} {
		done := len(actions(db))
		check(t, tt.name, storetest.One[bool](db, "SELECT tagexec.retry_job($1)", tt.id), tt.did)
		check(t, tt.name+", the job", storetest.One[string](db, jobLine, tt.id), tt.line)
		want := "[]"
		if tt.action != "" {
			want = fmt.Sprintf("[retry_job %d %s]", tt.id, tt.action)
		}
		check(t, tt.name+", on record", actions(db)[done:], want)
	}
	// Its own time is kept by the retry of a job that has not failed, and attempts are kept by all.
	check(t, "attempts", storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_job_attempts"), 5)
}

func TestOfCancelAndRetryTheLaterOneWins(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		steps   string // c cancel_job, C cancel_batch, r retry_job, R retry_batch; those in vain in brackets
		outcome string
		want    string // state, failures, outcome of the attempt
	}{
		{"cr", store.Failed, "pending 0 cancelled"},
		{"cR", store.TimedOut, "pending 0 cancelled"},
		{"Cr", store.Interrupted, "pending 0 cancelled"},
		{"CR", store.Lost, "pending 0 cancelled"},
		{"cr(r)(R)", store.Cancelled, "pending 0 cancelled"},
		{"(r)c", store.Failed, "cancelled 0 cancelled"},
		{"(R)C", store.Lost, "cancelled 0 cancelled"},
		{"c(c)(C)", store.Interrupted, "cancelled 0 cancelled"},
		{"crc", store.Failed, "cancelled 0 cancelled"},
		{"CRC", store.TimedOut, "cancelled 0 cancelled"},
		{"cRCr", store.Failed, "pending 0 cancelled"},
		{"crC", store.Lost, "cancelled 0 cancelled"},
		{"c", store.Succeeded, "succeeded 0 succeeded"},
		{"cr", store.Succeeded, "succeeded 0 succeeded"},
		{"cR", store.Succeeded, "succeeded 0 succeeded"},
	} {
		t.Run(tt.steps+" "+tt.outcome, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			c := newClaimer(db, store.QueueConfig{})
			id := db.Insert(storetest.Row{"batch": "b", "tag": "t", "priority": 7, "mutex_key": "m"})[0]
			jobs := c.claim(t, 1)
			want := "t"
			for _, step := range tt.steps {
				var did string
				switch step {
				case 'c':
					did = storetest.One[string](db, "SELECT left(tagexec.cancel_job($1)::text, 1)", id)
				case 'r':
					did = storetest.One[string](db, "SELECT left(tagexec.retry_job($1)::text, 1)", id)
				case 'C':
					did = storetest.One[string](db, "SELECT left((tagexec.cancel_batch('b') > 0)::text, 1)")
				case 'R':
					did = storetest.One[string](db, "SELECT left((tagexec.retry_batch('b') > 0)::text, 1)")
				case '(':
					want = "f"
					continue
				case ')':
					want = "t"
					continue
				}
				check(t, "step "+string(step), did, want)
			}
			if tt.outcome == store.Lost {
				expire(db, c.id)
				check(t, "reaped", reap(t, db).Jobs, 1)
			} else {
				c.end(t, tt.outcome, jobs...)
			}
			check(t, "the job", storetest.One[string](db, `SELECT concat_ws(' ', state, failures, (SELECT string_agg(outcome, ' ') FROM tagexec.tag_job_attempts)) FROM tagexec.tag_jobs`), tt.want)
			check(t, "what the producer wrote", storetest.One[string](db, "SELECT concat_ws(' ', batch, tag, priority, mutex_key, payload) FROM tagexec.tag_jobs"), "b t 7 m {}")
		})
	}
}

// What was running when the batch was read may have succeeded when its row is
// locked, and what had failed may be waiting for another time.
func TestRetryBatchGoesByTheStatesOfTheLockedRows(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, meanwhile, want string
	}{
		{"succeeded", "UPDATE tagexec.tag_jobs SET state = 'succeeded', finished_at = now(), cancel_requested_at = NULL", "0 succeeded"},
		{"made pending by another retry", "UPDATE tagexec.tag_jobs SET state = 'pending', run_at = '2040-01-01', cancel_requested_at = NULL", "0 pending"},
		{"deleted", "DELETE FROM tagexec.tag_jobs", "0"},
		{"cancelled", "UPDATE tagexec.tag_jobs SET state = 'cancelled', finished_at = now(), cancel_requested_at = NULL", "1 pending"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Allow("attempts_recorded")
			db.Allow("last_outcome")
			row := running(db.Executor())
			row["batch"], row["cancel_requested_at"] = "b", time.Now()
			db.Insert(row)
			tx, err := db.Pool.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(t.Context(), tt.meanwhile); err != nil {
				t.Fatal(err)
			}
			var g errgroup.Group
			var touched int
			g.Go(func() error { return db.Pool.QueryRow(t.Context(), "SELECT tagexec.retry_batch('b')").Scan(&touched) })
			storetest.Eventually(t, "retry_batch waits", func() bool { return db.Waiting() == 1 })
			if err := tx.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := g.Wait(); err != nil {
				t.Fatal(err)
			}
			check(t, "touched and state", storetest.One[string](db, "SELECT concat_ws(' ', $1::text, (SELECT state FROM tagexec.tag_jobs))", fmt.Sprint(touched)), tt.want)
			check(t, "actions", len(actions(db)), touched)
		})
	}
}

func TestEveryChangeOfAPoolIsOnRecord(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for _, sql := range []string{
		"INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 4)",
		"UPDATE tagexec.tag_pools SET slots = 2, description = 'd' WHERE pool = 'p'",
		"UPDATE tagexec.tag_pools SET slots = 2 WHERE pool = 'p'", // no change
		"UPDATE tagexec.tag_pools SET paused = true",              // two pools
		"DELETE FROM tagexec.tag_pools WHERE pool = 'p'",
	} {
		db.Exec(sql)
	}
	pool := func(name, slots string, paused bool, description string) string {
		return fmt.Sprintf(`{"pool": "%s", "slots": %s, "paused": %t, "description": "%s"}`, name, slots, paused, description)
	}
	free := "where a job goes that names no pool; without a limit"
	want := []string{
		"create_pool p -> " + pool("p", "4", false, ""),
		"change_pool p " + pool("p", "4", false, "") + " -> " + pool("p", "2", false, "d"),
		"change_pool default " + pool("default", "null", false, free) + " -> " + pool("default", "null", true, free),
		"change_pool p " + pool("p", "2", false, "d") + " -> " + pool("p", "2", true, "d"),
		"delete_pool p " + pool("p", "2", true, "d") + " ->",
	}
	got := actions(db)
	check(t, "number of actions", len(got), len(want))
	for i := range min(len(got), len(want)) {
		check(t, "action", got[i], want[i])
	}
}

func TestTheRecordIsAppendOnly(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	ended(db, nil, "succeeded", db.Executor())
	db.Exec("SELECT tagexec.retry_job(id) FROM tagexec.tag_jobs")
	for _, sql := range []string{
		"UPDATE tagexec.tag_operator_actions SET reason = 'another'",
		"DELETE FROM tagexec.tag_operator_actions",
		"TRUNCATE tagexec.tag_operator_actions",
		"UPDATE tagexec.tag_job_attempts SET outcome = 'failed'",
		"INSERT INTO tagexec.tag_job_attempts SELECT * FROM tagexec.tag_job_attempts ON CONFLICT (job_id, attempt) DO UPDATE SET outcome = 'failed'",
	} {
		_, err := db.Pool.Exec(t.Context(), sql)
		if pg := pgError(t, err); pg.Code != "23001" || !strings.HasSuffix(pg.Message, "is append-only") {
			t.Errorf("%s: %s %s", sql, pg.Code, pg.Message)
		}
	}
	check(t, "actions", len(actions(db)), 1)
	db.Exec("DELETE FROM tagexec.tag_job_attempts") // as prune does
	db.Exec("DELETE FROM tagexec.tag_jobs")
}
