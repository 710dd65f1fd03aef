package store_test

import (
	"testing"
	"time"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// lacking makes an executor one that cannot use a source.
func lacking(t *testing.T, c *storetest.Claimer, source string) {
	t.Helper()
	c.Avoid([]store.Unavailable{{
		Kind: "sql", Resource: store.Resource{Name: source, Field: "source", Texts: []string{source}}, Since: time.Now(), Error: "down",
	}})
	if _, err := c.Heartbeat(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A job that nobody can run keeps no slots of its pool, here and elsewhere.
func TestClaimLimitedIsNotHeldUpByWhatIsUnavailable(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('one', 1)")
	insert := func(kind, payload string, priority int, key any) int64 {
		return db.Insert(storetest.Row{"pool": "one", "kind": kind, "payload": payload, "priority": priority, "mutex_key": key})[0]
	}
	insert("sql", `{"source": "a"}`, 9, nil)
	insert("sql", `{"source": "a"}`, 9, "key")
	b, other := insert("sql", `{"source": "b"}`, 5, nil), insert("http", `{}`, 6, nil)
	sql, http := db.Claimer(store.Executor{Kinds: []string{"sql"}}), db.Claimer(store.Executor{Kinds: []string{"http"}})
	lacking(t, sql, "a")
	jobs := http.MustClaim(t, 10)
	if len(jobs) != 1 || jobs[0].ID != other {
		t.Fatalf("claimed %v, want job %d", ids(jobs), other)
	}
	http.MustRecord(t, store.Result{Claim: jobs[0].Claim, Outcome: store.Succeeded})
	if jobs := sql.MustClaim(t, 10); len(jobs) != 1 || jobs[0].ID != b {
		t.Errorf("claimed %v, want job %d", ids(jobs), b)
	}
}

// Many jobs that need what is unavailable, before one that does not: they are
// passed over once, and found again.
func TestClaimPassesOverWhatIsUnavailableAndFindsItAgain(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, payload) SELECT 't', '{"source": "a"}' FROM generate_series(1, 3000)`)
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, payload) SELECT 't', '{"source": "b"}' FROM generate_series(1, 100)`)
	c := db.Claimer(store.Executor{})
	lacking(t, c, "a")
	if n := len(c.MustClaim(t, 1000)); n != 100 {
		t.Errorf("claimed %d jobs, want the 100 that may run", n)
	}
	if n := len(c.MustClaim(t, 1000)); n != 0 {
		t.Errorf("claimed %d jobs that need what is unavailable", n)
	}
	c.Avoid(nil)
	if n := len(c.MustClaim(t, 1000)); n != 1000 {
		t.Errorf("claimed %d jobs at once when it was available again, want 1000", n)
	}
}

// A job fails when nothing could run it for an hour. Hours by which the server's
// clock was set are none that passed.
func TestAStepOfTheServersClockFailsNoJobThatNothingCouldRun(t *testing.T) {
	t.Parallel()
	const (
		forward = "UPDATE tagexec.tag_jobs SET created_at = created_at - interval '8 h', run_at = run_at - interval '8 h', started_at = started_at - interval '8 h', deadline_at = deadline_at - interval '8 h'"
		back    = "UPDATE tagexec.tag_jobs SET unavailable_since = now() + interval '8 h'"
	)
	for _, tt := range []struct {
		name   string
		set    string
		ahead  time.Duration // the server's clock was ahead before
		looked bool          // after that
		want   string
		least  string // when it began
	}{
		{"forward", forward, -8 * time.Hour, true, "pending", "now() - interval '9 h'"},
		{"forward, since the last look", forward, -8 * time.Hour, false, "pending", "now() - interval '9 h'"},
		{"back", back, 8 * time.Hour, true, "pending", "now() - interval '1 min'"},
		{"not at all", "UPDATE tagexec.tag_jobs SET unavailable_since = now() - interval '2 h'", 0, true, "failed", "now() - interval '3 h'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Allow("attempt_times") // the clock was set
			c := db.Claimer(store.Executor{JobTimeout: time.Hour})
			id := db.Insert(storetest.Row{})[0]
			job := c.MustClaim(t, 1)[0]
			look := func() {
				t.Helper()
				if _, err := c.Reap(t.Context(), 0); err != nil {
					t.Fatal(err)
				}
			}
			look()
			db.Exec(tt.set)
			store.ServerClockWasAhead(c.Store, tt.ahead)
			if tt.looked {
				look()
			}
			c.MustRecord(t, store.Result{Claim: job.Claim, Outcome: store.Interrupted, ErrorCode: "unavailable", Error: "down"})
			storetest.Check(t, "state", db.State(id), tt.want)
			storetest.Check(t, "since when it counts", storetest.One[bool](db, "SELECT unavailable_since BETWEEN "+tt.least+" AND now() FROM tagexec.tag_jobs"), true)
			if tt.want == "pending" {
				storetest.Check(t, "a short pause", storetest.One[bool](db, "SELECT run_at <= now() + interval '2 s' FROM tagexec.tag_jobs"), true)
			}
		})
	}
}
