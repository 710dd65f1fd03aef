package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// After Graphile's "unlocks jobs for the given workers, leaves others unaffected" and River's UnmarshalErrorDiscardsAtMaxAttempts.
func TestReapOffersTheJobsOfADeadExecutorAgain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		set  string // of the running job
		want string // state, failures, crashes, error_code, outcome, error_code of the attempt
	}{
		{"with attempts left it is pending again", "crashes = 0", "pending 1 1 lost lost lost"},
		{"its last attempt fails it", "max_attempts = 1", "failed 1 1 lost lost lost"},
		{"a third crash fails it whatever max_attempts", "max_attempts = 100, crashes = 2", "failed 1 3 crash_limit lost crash_limit"},
		{"with a cancel in flight it is cancelled, and nothing counts", "cancel_requested_at = now()", "cancelled 0 1 lost cancelled lost"},
		{"with a cancel in flight a third crash does not fail it", "cancel_requested_at = now(), crashes = 2", "cancelled 0 3 lost cancelled lost"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			dead, alive := db.Claimer(store.Executor{}), db.Claimer(store.Executor{})
			id := db.Insert(storetest.Row{"priority": 9})[0]
			db.Insert(storetest.Row{})
			job := dead.MustClaim(t, 1)[0]
			others := alive.MustClaim(t, 1)
			db.Exec("UPDATE tagexec.tag_jobs SET " + tt.set + " WHERE id = " + fmt.Sprint(id))
			db.Expire(dead.ID)
			if got := db.Reap(); got.Jobs != 1 || len(got.Executors) != 1 || got.Executors[0] != dead.ID {
				t.Errorf("reaped %+v", got)
			}
			got := storetest.One[string](db, `SELECT concat_ws(' ', j.state, j.failures, j.crashes, j.error_code, a.outcome, a.error_code)
				FROM tagexec.tag_jobs j JOIN tagexec.tag_job_attempts a ON a.job_id = j.id WHERE a.hostname = 'test'`)
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if fate := dead.MustRecord(t, store.Result{Claim: job.Claim, Outcome: store.Succeeded})[0]; fate != store.Refused {
				t.Errorf("the dead executor's late result: %s", fate)
			}
			if _, err := dead.Heartbeat(t.Context()); !errors.Is(err, store.ErrReaped) {
				t.Errorf("the dead executor's heartbeat: %v", err)
			}
			alive.End(t, store.Succeeded, others...)
			if again := db.Reap(); again.Jobs != 0 || len(again.Executors) != 0 {
				t.Errorf("reaped again: %+v", again)
			}
		})
	}
}

func TestReapTakesNobodyTooEarly(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		set     string // of the executor
		contact time.Duration
		between string // two looks, of the executor
		reaped  int
	}{
		{"a lease that runs", "lease_seconds = 3000", time.Hour, "", 0},
		{"a lease that runs, by a clock that was set forward", "lease_seconds = 3000, heartbeat_at = now() - interval '8 h'", time.Hour, "", 0},
		{"a sign of life between the looks", "lease_seconds = 1e-9", time.Hour, "heartbeat_at = now()", 0},
		{"a sign of life, by a clock that was set back", "lease_seconds = 1e-9", time.Hour, "heartbeat_at = now() - interval '2 min'", 0},
		{"a reaper without contact for the dead one's lease", "lease_seconds = 0.1", 99 * time.Millisecond, "", 0},
		{"an executor that stopped by itself", "lease_seconds = 1e-9, stopped_at = now()", time.Hour, "", 0},
		{"a lease that is over", "lease_seconds = 1e-9", time.Millisecond, "", 1},
		{"a lease that is over, by a clock that was set back", "lease_seconds = 1e-9, heartbeat_at = now() + interval '8 h'", time.Millisecond, "", 1},
		{"a lease that is over, with a heartbeat that is no time", "lease_seconds = 1e-9, heartbeat_at = 'infinity'", time.Millisecond, "", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			id, s := db.Executor(), db.Store()
			db.Exec("UPDATE tagexec.tag_executors SET "+tt.set+" WHERE id = $1", id)
			for look, reaped := range []int{0, tt.reaped} {
				got, err := s.Reap(t.Context(), tt.contact)
				if err != nil || len(got.Executors) != reaped {
					t.Errorf("look %d reaped %+v, %v", look+1, got, err)
				}
				if tt.between != "" {
					db.Exec("UPDATE tagexec.tag_executors SET "+tt.between+" WHERE id = $1", id)
				}
			}
		})
	}
}

// A frozen executor may claim once more before it learns that it was reaped,
// and then die: nobody would reap it a second time.
func TestReapOffersTheJobsOfAnExecutorThatIsGoneAgain(t *testing.T) {
	t.Parallel()
	for _, gone := range []string{"reaped_at = now()", "stopped_at = now()"} {
		t.Run(gone, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Allow("attempt_times") // it was claimed before it was inserted
			c, s := db.Claimer(store.Executor{}), db.Store()
			id := db.Insert(storetest.Row{})[0]
			db.Exec("UPDATE tagexec.tag_executors SET lease_seconds = 3000, " + gone)
			c.MustClaim(t, 1)
			db.Exec("UPDATE tagexec.tag_jobs SET started_at = started_at - interval '8 h'") // a clock that was set forward
			storetest.ReapOn(t, s)                                                          // it may still hand the job back itself
			if got := db.State(id); got != "running" {
				t.Errorf("at once it is %s", got)
			}
			db.Exec("UPDATE tagexec.tag_executors SET lease_seconds = 1e-9")
			storetest.ReapOn(t, s)
			if got := db.State(id); got != "pending" {
				t.Errorf("a lease later it is %s", got)
			}
		})
	}
}

// The deadline of a job was written by a clock that may have been set since. Its
// time, two hours here, is then counted from when the reaper saw the clock run.
func TestReapTakesNoJobFromALivingExecutorBecauseTheClockWasSet(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		set    string // of the running job
		reaped int
	}{
		{"forward by eight hours", "started_at = started_at - interval '8 h', deadline_at = deadline_at - interval '8 h'", 0},
		{"back by eight hours", "started_at = started_at + interval '8 h', deadline_at = deadline_at + interval '8 h'", 0},
		{"to what is no time", "started_at = '-infinity', deadline_at = 'infinity'", 0},
		{"not at all, and the job's time is over", "deadline_at = started_at - interval '1 min'", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			c, s := db.Claimer(store.Executor{}), db.Store()
			db.Insert(storetest.Row{"timeout_seconds": 7200})
			c.MustClaim(t, 1)
			db.Exec("UPDATE tagexec.tag_executors SET lease_seconds = 0.001")
			db.Exec("UPDATE tagexec.tag_jobs SET " + tt.set)
			for range 3 {
				if _, err := c.Heartbeat(t.Context()); err != nil {
					t.Fatal(err)
				}
				got, err := s.Reap(t.Context(), time.Hour)
				if err != nil || got.Jobs != tt.reaped || len(got.Executors) != 0 {
					t.Fatalf("reaped %+v, %v", got, err)
				}
				tt.reaped = 0 // only once
			}
		})
	}
}

// After River's RescuesPastFullBatchOfJobsWithNoTimeout: more are dead than one reap takes.
func TestReapByTwoTakesEachExecutorOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_jobs (tag) SELECT 't' FROM generate_series(1, 100)")
	s := db.Store()
	for range 20 {
		c := db.ClaimerOn(s, store.Executor{})
		c.MustClaim(t, 5)
		db.Expire(c.ID)
	}
	if _, err := s.Reap(t.Context(), 0); err != nil { // looks
		t.Fatal(err)
	}
	var g errgroup.Group
	reaped := make([]store.Reaped, 4)
	for i := range reaped {
		g.Go(func() error {
			for {
				one, err := s.Reap(t.Context(), time.Hour)
				reaped[i].Executors = append(reaped[i].Executors, one.Executors...)
				reaped[i].Jobs += one.Jobs
				if err != nil || len(one.Executors) == 0 {
					return err
				}
			}
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	var executors, jobs int
	for _, r := range reaped {
		executors, jobs = executors+len(r.Executors), jobs+r.Jobs
	}
	if executors != 20 || jobs != 100 {
		t.Errorf("reaped %d executors and %d jobs, want 20 and 100", executors, jobs)
	}
}
