package store_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// tags are the tags of jobs in their order.
func tags(jobs []store.Job) string {
	var list []string
	for _, j := range jobs {
		list = append(list, j.Tag)
	}
	return fmt.Sprint(list)
}

// drain claims n at a time, ends what was claimed as succeeded, and returns
// the jobs in the order of the claims.
func drain(t *testing.T, c *storetest.Claimer, n int) []store.Job {
	t.Helper()
	var all []store.Job
	for {
		jobs := c.MustClaim(t, n)
		if len(jobs) == 0 {
			return all
		}
		c.End(t, store.Succeeded, jobs...)
		all = append(all, jobs...)
	}
}

// After River's JobGetAvailable ConstrainedToLimit and Prioritized.
func TestClaimGoesByPriorityThenRunAtThenID(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 100} {
		for _, batch := range []string{"", "b"} {
			t.Run(fmt.Sprintf("%d at a time, batch %q", n, batch), func(t *testing.T) {
				t.Parallel()
				db := storetest.New(t)
				db.Exec("INSERT INTO tagexec.tag_pools (pool) VALUES ('other')")
				db.Exec(`INSERT INTO tagexec.tag_jobs (tag, priority, run_at, pool, batch) VALUES
					('6', 5, now() - interval '1 s', 'default', 'b'),
					('8', 0, now() - interval '1 h', 'default', 'b'),
					('2', 9, now() - interval '1 s', 'default', 'b'),
					('4', 5, now() - interval '2 s', 'default', 'b'),
					('1', 9, now() - interval '1 h', 'other',   'b'),
					('7', 5, now() - interval '1 s', 'default', 'b'),
					('5', 5, now() - interval '2 s', 'default', 'b'),
					('3', 6, now(),                  'other',   'b')`)
				c := db.Claimer(store.Executor{Batch: batch})
				if got := tags(drain(t, c, n)); got != "[1 2 3 4 5 6 7 8]" {
					t.Errorf("claimed %s", got)
				}
			})
		}
	}
}

// After River's JobGetAvailable ConstrainedToScheduledAtBeforeNow.
func TestClaimTakesOnlyWhatItMay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		config store.Executor
		want   string
	}{
		{"everything due in pools that are not paused", store.Executor{}, "[plain other http batched limited keyed]"},
		{"one kind", store.Executor{Kinds: []string{"http"}}, "[http]"},
		{"no known kind", store.Executor{Kinds: []string{"spark"}}, "[]"},
		{"one pool", store.Executor{Pools: []string{"other"}}, "[other]"},
		{"two pools", store.Executor{Pools: []string{"limited", "other", "paused", "nowhere"}}, "[other limited]"},
		{"no pool", store.Executor{Pools: []string{}}, "[]"},
		{"one batch", store.Executor{Batch: "b"}, "[batched]"},
		{"a batch in no pool of ours", store.Executor{Batch: "b", Pools: []string{"other"}}, "[]"},
		{"a batch that does not exist", store.Executor{Batch: "x"}, "[]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Exec("INSERT INTO tagexec.tag_pools (pool, slots, paused) VALUES ('other', NULL, false), ('limited', 3, false), ('paused', NULL, true), ('paused limited', 3, true)")
			db.Exec(`INSERT INTO tagexec.tag_jobs (tag, kind, pool, run_at, batch, mutex_key, priority) VALUES
				('plain',   'sql',  'default', now(), NULL, NULL, 9),
				('future',  'sql',  'default', now() + interval '1 h', NULL, NULL, 9),
				('future',  'sql',  'default', now() + interval '1 h', 'b', 'k1', 9),
				('future',  'sql',  'limited', now() + interval '1 h', 'b', 'k1', 9),
				('future',  'sql',  'limited', now() + interval '1 h', 'b', NULL, 9),
				('other',   'sql',  'other',   now(), NULL, NULL, 8),
				('http',    'http', 'default', now(), NULL, NULL, 7),
				('batched', 'sql',  'default', now(), 'b', NULL, 6),
				('paused',  'sql',  'paused',  now(), 'b', NULL, 9),
				('paused',  'sql',  'paused',  now(), 'b', 'k2', 9),
				('paused',  'sql',  'paused limited', now(), 'b', NULL, 9),
				('paused',  'sql',  'paused limited', now(), 'b', 'k3', 9),
				('limited', 'sql',  'limited', now(), NULL, NULL, 5),
				('keyed',   'sql',  'default', now(), NULL, 'k4', 4)`)
			c := db.Claimer(tt.config)
			for range 3 { // the later ones meet a lanes that are known
				if got := tags(c.MustClaim(t, 20)); got != tt.want {
					t.Errorf("claimed %s, want %s", got, tt.want)
				}
				tt.want = "[]"
			}
		})
	}
}

func TestClaimReturnsTheWholeJob(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	id := db.Insert(storetest.Row{"tag": "x", "kind": "http", "payload": `{"a": [1, null]}`, "batch": "b", "biz_date": "2026-11-22", "slots": 3,
		"priority": 7, "mutex_key": "m", "timeout_seconds": 90, "max_attempts": 4})[0]
	c := db.Claimer(store.Executor{})
	j := c.MustClaim(t, 1)[0]
	got := fmt.Sprintln(j.Claim == store.Claim{ID: id, Attempt: 1, Executor: c.ID}, j.Tag, j.Kind, string(j.Payload), *j.Batch, j.BizDate.Format("2006-01-02"), j.Pool,
		j.Slots, j.Priority, *j.MutexKey, *j.TimeoutSeconds, j.MaxAttempts, j.Failures, j.Crashes)
	if want := `true x http {"a": [1, null]} b 2026-11-22 default 3 7 m 90 4 0 0` + "\n"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := storetest.One[float64](db, "SELECT extract(epoch FROM deadline_at - started_at)::float8 FROM tagexec.tag_jobs"); got != 90 {
		t.Errorf("the deadline lies %v s after the start", got)
	}
}

func TestClaimTakesJobsWithOddDates(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Insert(
		storetest.Row{"tag": "bc", "run_at": "4000-01-01 BC", "biz_date": "4713-11-24 BC"},
		storetest.Row{"tag": "far", "biz_date": "5874897-12-31"},
		storetest.Row{"tag": "last", "timeout_seconds": 1<<31 - 1})
	if got := tags(db.Claimer(store.Executor{}).MustClaim(t, 10)); got != "[bc far last]" {
		t.Errorf("claimed %s", got)
	}
}

func TestClaimFindsARowBehindItsPosition(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := db.Claimer(store.Executor{})
	late, err := db.Conn().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := late.Exec(t.Context(), "INSERT INTO tagexec.tag_jobs (tag) VALUES ('late')"); err != nil {
		t.Fatal(err)
	}
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, run_at) SELECT 't', clock_timestamp() FROM generate_series(1, 20)")
	jobs := c.MustClaim(t, 10)
	if err := late.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	db.Insert(storetest.Row{"tag": "old", "run_at": "2000-01-01"})
	c.End(t, store.Interrupted, jobs[0]) // a released job lies behind the hint or at its end
	var rest []store.Job
	storetest.Eventually(t, "13 jobs, among them the late, the old and the released one", func() bool {
		rest = append(rest, c.MustClaim(t, 20)...)
		return len(rest) == 13
	})
}

// After River's ErroringJobGetsFreshAttempt.
func TestClaimWaitsForTheDelayOfAJobThatFailed(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := db.Claimer(store.Executor{})
	db.Insert(storetest.Row{"tag": "soon"}, storetest.Row{"tag": "later"})
	jobs := c.MustClaim(t, 2)
	c.MustRecord(t, store.Result{Claim: jobs[0].Claim, Outcome: store.Failed}, store.Result{Claim: jobs[1].Claim, Outcome: store.Failed, Delay: 3600e9})
	again := c.MustClaim(t, 2)
	if tags(again) != "[soon]" || again[0].Attempt != 2 || again[0].Failures != 1 {
		t.Errorf("claimed %+v", again)
	}
}

func TestClaimPassesOverALockedRow(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	list := db.Insert(storetest.Row{"tag": "held"}, storetest.Row{"tag": "free"})
	tx, err := db.Conn().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "SELECT FROM tagexec.tag_jobs WHERE id = $1 FOR UPDATE", list[0]); err != nil {
		t.Fatal(err)
	}
	c := db.Claimer(store.Executor{})
	if got := tags(c.MustClaim(t, 2)); got != "[free]" {
		t.Errorf("claimed %s", got)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	// It lies before what was claimed, so a look from the beginning finds it.
	storetest.Eventually(t, "the row that was held", func() bool { return tags(c.MustClaim(t, 2)) == "[held]" })
}

func TestClaimHeedsAPauseAtOnce(t *testing.T) {
	t.Parallel()
	for _, row := range []storetest.Row{{}, {"mutex_key": "k"}} {
		t.Run(fmt.Sprint(row), func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			c := db.Claimer(store.Executor{})
			for i := range 4 {
				if row["mutex_key"] != nil {
					row["mutex_key"] = fmt.Sprint("k", i)
				}
				db.Insert(row)
			}
			if got := len(c.MustClaim(t, 1)); got != 1 {
				t.Fatalf("claimed %d", got)
			}
			db.Exec("UPDATE tagexec.tag_pools SET paused = true")
			if got := c.MustClaim(t, 1); len(got) != 0 {
				t.Errorf("claimed %s from a paused pool", tags(got))
			}
			db.Exec("UPDATE tagexec.tag_pools SET paused = false, slots = 2")
			var more []store.Job
			storetest.Eventually(t, "a job takes the one free slot", func() bool { more = append(more, c.MustClaim(t, 3)...); return len(more) > 0 })
			if more = append(more, c.MustClaim(t, 3)...); len(more) != 1 {
				t.Errorf("claimed %s from a pool with one free slot", tags(more))
			}
		})
	}
}

func TestClaimFindsJobsBehindThoseOfAForeignKind(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := db.Claimer(store.Executor{Kinds: []string{"sql"}})
	const foreign = `INSERT INTO tagexec.tag_jobs (tag, kind, priority) SELECT 'foreign', 'http', p FROM generate_series(1, 500), unnest('{5, 9}'::smallint[]) p`
	db.Exec(foreign)
	db.Insert(storetest.Row{"tag": "one"})
	db.Exec(foreign)
	db.Insert(storetest.Row{"tag": "two"})
	if got := tags(c.MustClaim(t, 10)); got != "[one two]" {
		t.Errorf("claimed %s", got)
	}
	for _, tag := range []string{"three", "four"} {
		db.Exec(foreign)
		db.Insert(storetest.Row{"tag": tag, "priority": 9})
		storetest.Eventually(t, tag, func() bool { return tags(c.MustClaim(t, 10)) == "["+tag+"]" })
	}
}

// After pg-boss's "surfaces a non-unique-violation fetch error instead of swallowing it".
func TestClaimReportsAnError(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]storetest.Row{
		"in a lane": {}, "with a key": {"mutex_key": "k"}, "in a limited pool": {"pool": "p"}, "with a key in a limited pool": {"pool": "p", "mutex_key": "k"},
	} {
		for _, batch := range []string{"", "b"} {
			t.Run(fmt.Sprintf("%s, batch %q", name, batch), func(t *testing.T) {
				t.Parallel()
				db := storetest.New(t)
				db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 3)")
				full := storetest.Row{"batch": "b"}
				maps.Copy(full, row)
				db.Insert(full)
				db.Exec(`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END $$`)
				db.Exec("CREATE TRIGGER full_disk BEFORE UPDATE ON tagexec.tag_jobs FOR EACH ROW EXECUTE FUNCTION full_disk()")
				c := db.Claimer(store.Executor{Batch: batch})
				if jobs, err := c.ClaimAll(t.Context(), 5); len(jobs) != 0 || storetest.PgError(t, err).Code != "53100" {
					t.Errorf("claimed %d: %v", len(jobs), err)
				}
				storetest.Check(t, "isolated", unwritable(db), "[]") // no row is to blame
			})
		}
	}
}

// Only these lead to a claim when a result is stored, while new jobs are announced.
func TestClaimTellsOfJobsThatWaitForAnother(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		row     storetest.Row
		blocked bool
	}{
		{"neither key nor limit", storetest.Row{}, false},
		{"a mutex key", storetest.Row{"mutex_key": "k"}, true},
		{"a full pool", storetest.Row{"pool": "one"}, true},
	} {
		db := storetest.New(t)
		db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('one', 1)")
		c := db.Claimer(store.Executor{})
		db.Insert(tt.row, tt.row)
		for {
			claimed, err := c.Claim(t.Context(), 10)
			if err != nil {
				t.Fatal(err)
			}
			if !claimed.More {
				storetest.Check(t, tt.name, claimed.Blocked, fmt.Sprint(tt.blocked))
				break
			}
		}
	}
}
