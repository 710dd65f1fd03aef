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
func (c *claimer) drain(t *testing.T, n int) []store.Job {
	t.Helper()
	var all []store.Job
	for {
		jobs := c.claim(t, n)
		if len(jobs) == 0 {
			return all
		}
		c.end(t, store.Succeeded, jobs...)
		all = append(all, jobs...)
	}
}

// After River's JobGetAvailable ConstrainedToLimit and Prioritized.
func TestJobsAreClaimedByPriorityThenRunAtThenID(t *testing.T) {
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
				c := newClaimer(db, store.QueueConfig{Batch: batch})
				if got := tags(c.drain(t, n)); got != "[1 2 3 4 5 6 7 8]" {
					t.Errorf("claimed %s", got)
				}
			})
		}
	}
}

// After River's JobGetAvailable ConstrainedToScheduledAtBeforeNow.
func TestAClaimTakesOnlyWhatItMay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		config store.QueueConfig
		want   string
	}{
		{"everything due in pools that are not paused", store.QueueConfig{}, "[plain other http batched limited keyed]"},
		{"one kind", store.QueueConfig{Kinds: []string{"http"}}, "[http]"},
		{"no known kind", store.QueueConfig{Kinds: []string{"spark"}}, "[]"},
		{"one pool", store.QueueConfig{Pools: []string{"other"}}, "[other]"},
		{"two pools", store.QueueConfig{Pools: []string{"limited", "other", "paused", "nowhere"}}, "[other limited]"},
		{"no pool", store.QueueConfig{Pools: []string{}}, "[]"},
		{"one batch", store.QueueConfig{Batch: "b"}, "[batched]"},
		{"a batch in no pool of ours", store.QueueConfig{Batch: "b", Pools: []string{"other"}}, "[]"},
		{"a batch that does not exist", store.QueueConfig{Batch: "x"}, "[]"},
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
			c := newClaimer(db, tt.config)
			for range 3 { // the later ones meet a survey that is known
				if got := tags(c.claim(t, 20)); got != tt.want {
					t.Errorf("claimed %s, want %s", got, tt.want)
				}
				tt.want = "[]"
			}
		})
	}
}

func TestAClaimReturnsTheWholeJob(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	id := db.Insert(storetest.Row{"tag": "x", "kind": "http", "payload": `{"a": [1, null]}`, "batch": "b", "biz_date": "2026-11-22", "slots": 3,
		"priority": 7, "mutex_key": "m", "timeout_seconds": 90, "max_attempts": 4})[0]
	c := newClaimer(db, store.QueueConfig{})
	j := c.claim(t, 1)[0]
	got := fmt.Sprintln(j.Claim == store.Claim{ID: id, Attempt: 1, Executor: c.id}, j.Tag, j.Kind, string(j.Payload), *j.Batch, j.BizDate.Format("2006-01-02"), j.Pool,
		j.Slots, j.Priority, *j.MutexKey, *j.TimeoutSeconds, j.MaxAttempts, j.Failures, j.Crashes)
	if want := `true x http {"a": [1, null]} b 2026-11-22 default 3 7 m 90 4 0 0` + "\n"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := storetest.One[float64](db, "SELECT extract(epoch FROM deadline_at - started_at)::float8 FROM tagexec.tag_jobs"); got != 90 {
		t.Errorf("the deadline lies %v s after the start", got)
	}
}

func TestOddDatesDoNotStopTheQueue(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Insert(
		storetest.Row{"tag": "bc", "run_at": "4000-01-01 BC", "biz_date": "4713-11-24 BC"},
		storetest.Row{"tag": "far", "biz_date": "5874897-12-31"},
		storetest.Row{"tag": "last", "timeout_seconds": 1<<31 - 1})
	if got := tags(newClaimer(db, store.QueueConfig{}).claim(t, 10)); got != "[bc far last]" {
		t.Errorf("claimed %s", got)
	}
}

func TestARowBehindTheHintIsFoundByTheNextShortClaim(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := newClaimer(db, store.QueueConfig{})
	late, err := db.Conn().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := late.Exec(t.Context(), "INSERT INTO tagexec.tag_jobs (tag) VALUES ('late')"); err != nil {
		t.Fatal(err)
	}
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, run_at) SELECT 't', clock_timestamp() FROM generate_series(1, 20)")
	jobs := c.claim(t, 10)
	if err := late.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	db.Insert(storetest.Row{"tag": "old", "run_at": "2000-01-01"})
	c.end(t, store.Interrupted, jobs[0]) // a released job lies behind the hint or at its end
	var rest []store.Job
	storetest.Eventually(t, "13 jobs, among them the late, the old and the released one", func() bool {
		rest = append(rest, c.claim(t, 20)...)
		return len(rest) == 13
	})
}

// After River's ErroringJobGetsFreshAttempt.
func TestAJobThatFailedWaitsForItsDelay(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := newClaimer(db, store.QueueConfig{})
	db.Insert(storetest.Row{"tag": "soon"}, storetest.Row{"tag": "later"})
	jobs := c.claim(t, 2)
	c.record(t, store.Result{Claim: jobs[0].Claim, Outcome: store.Failed}, store.Result{Claim: jobs[1].Claim, Outcome: store.Failed, Delay: 3600e9})
	again := c.claim(t, 2)
	if tags(again) != "[soon]" || again[0].Attempt != 2 || again[0].Failures != 1 {
		t.Errorf("claimed %+v", again)
	}
}

func TestALockedRowIsPassedOver(t *testing.T) {
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
	c := newClaimer(db, store.QueueConfig{})
	if got := tags(c.claim(t, 2)); got != "[free]" {
		t.Errorf("claimed %s", got)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	// It lies before what was claimed, so a look from the beginning finds it.
	storetest.Eventually(t, "the row that was held", func() bool { return tags(c.claim(t, 2)) == "[held]" })
}

func TestAPauseTakesEffectAtTheNextClaim(t *testing.T) {
	t.Parallel()
	for _, row := range []storetest.Row{{}, {"mutex_key": "k"}} {
		t.Run(fmt.Sprint(row), func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			c := newClaimer(db, store.QueueConfig{})
			for i := range 4 {
				if row["mutex_key"] != nil {
					row["mutex_key"] = fmt.Sprint("k", i)
				}
				db.Insert(row)
			}
			if got := len(c.claim(t, 1)); got != 1 {
				t.Fatalf("claimed %d", got)
			}
			db.Exec("UPDATE tagexec.tag_pools SET paused = true")
			if got := c.claim(t, 1); len(got) != 0 {
				t.Errorf("claimed %s from a paused pool", tags(got))
			}
			db.Exec("UPDATE tagexec.tag_pools SET paused = false, slots = 2")
			var more []store.Job
			storetest.Eventually(t, "a job takes the one free slot", func() bool { more = append(more, c.claim(t, 3)...); return len(more) > 0 })
			if more = append(more, c.claim(t, 3)...); len(more) != 1 {
				t.Errorf("claimed %s from a pool with one free slot", tags(more))
			}
		})
	}
}

func TestJobsOfAForeignKindHideNothing(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := newClaimer(db, store.QueueConfig{Kinds: []string{"sql"}})
	const foreign = `INSERT INTO tagexec.tag_jobs (tag, kind, priority) SELECT 'foreign', 'http', p FROM generate_series(1, 500), unnest('{5, 9}'::smallint[]) p`
	db.Exec(foreign)
	db.Insert(storetest.Row{"tag": "one"})
	db.Exec(foreign)
	db.Insert(storetest.Row{"tag": "two"})
	if got := tags(c.claim(t, 10)); got != "[one two]" {
		t.Errorf("claimed %s", got)
	}
	for _, tag := range []string{"three", "four"} {
		db.Exec(foreign)
		db.Insert(storetest.Row{"tag": tag, "priority": 9})
		storetest.Eventually(t, tag, func() bool { return tags(c.claim(t, 10)) == "["+tag+"]" })
	}
}

// After pg-boss's "surfaces a non-unique-violation fetch error instead of swallowing it".
func TestAnErrorOfAClaimIsReported(t *testing.T) {
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
				db.Exec("ALTER TABLE tagexec.tag_jobs ADD CONSTRAINT nothing_runs CHECK (state <> 'running')")
				c := newClaimer(db, store.QueueConfig{Batch: batch})
				if jobs, err := c.Claim(t.Context(), c.id, 5); len(jobs) != 0 || pgError(t, err).Code != "23514" {
					t.Errorf("claimed %d: %v", len(jobs), err)
				}
			})
		}
	}
}
