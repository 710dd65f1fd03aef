package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// expire makes the executor's lease be over: it is short, and its last sign of
// life lies an hour back.
func expire(db *storetest.DB, executor uuid.UUID) {
	db.Exec("UPDATE tagexec.tag_executors SET heartbeat_at = now() - interval '1 h', lease_seconds = 0.001 WHERE id = $1", executor)
}

// reap reaps once, with contact longer than any lease.
func reap(t *testing.T, db *storetest.DB) store.Reaped {
	t.Helper()
	reaped, err := db.Store().Reap(t.Context(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return reaped
}

// After Graphile's "unlocks jobs for the given workers, leaves others unaffected" and River's UnmarshalErrorDiscardsAtMaxAttempts.
func TestTheJobsOfADeadExecutorAreOfferedAgain(t *testing.T) {
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
			dead, alive := newClaimer(db, store.QueueConfig{}), newClaimer(db, store.QueueConfig{})
			id := db.Insert(storetest.Row{"priority": 9})[0]
			db.Insert(storetest.Row{})
			job := dead.claim(t, 1)[0]
			others := alive.claim(t, 1)
			db.Exec("UPDATE tagexec.tag_jobs SET " + tt.set + " WHERE id = " + fmt.Sprint(id))
			expire(db, dead.id)
			if got := reap(t, db); got.Jobs != 1 || len(got.Executors) != 1 || got.Executors[0] != dead.id {
				t.Errorf("reaped %+v", got)
			}
			got := storetest.One[string](db, `SELECT concat_ws(' ', j.state, j.failures, j.crashes, j.error_code, a.outcome, a.error_code)
				FROM tagexec.tag_jobs j JOIN tagexec.tag_job_attempts a ON a.job_id = j.id WHERE a.hostname = 'test'`)
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if fate := dead.record(t, store.Result{Claim: job.Claim, Outcome: store.Succeeded})[0]; fate != store.Refused {
				t.Errorf("the dead executor's late result: %s", fate)
			}
			if err := dead.Heartbeat(t.Context(), dead.id); !errors.Is(err, store.ErrReaped) {
				t.Errorf("the dead executor's heartbeat: %v", err)
			}
			alive.end(t, store.Succeeded, others...)
			if again := reap(t, db); again.Jobs != 0 || len(again.Executors) != 0 {
				t.Errorf("reaped again: %+v", again)
			}
		})
	}
}

func TestNobodyIsReapedTooEarly(t *testing.T) {
	t.Parallel()
	const hourAgo = "heartbeat_at = now() - interval '1 h'"
	for _, tt := range []struct {
		name    string
		set     string // of the executor
		contact time.Duration
		reaped  int
	}{
		{"a lease that runs", "heartbeat_at = now()", time.Hour, 0},
		{"a reaper without contact for the dead one's lease", hourAgo + ", lease_seconds = 0.1", 99 * time.Millisecond, 0},
		{"a server that started less than a lease ago", hourAgo + ", lease_seconds = 3000", time.Hour, 0},
		{"an executor that stopped by itself", hourAgo + ", lease_seconds = 0.001, stopped_at = now()", time.Hour, 0},
		{"a lease that is over", hourAgo + ", lease_seconds = 0.001", time.Millisecond, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Exec("UPDATE tagexec.tag_executors SET "+tt.set+" WHERE id = $1", db.Executor())
			reaped, err := db.Store().Reap(t.Context(), tt.contact)
			if err != nil || len(reaped.Executors) != tt.reaped {
				t.Errorf("reaped %+v, %v", reaped, err)
			}
		})
	}
}

// A frozen executor may claim once more before it learns that it was reaped,
// and then die: nobody would reap it a second time.
func TestJobsOfAnExecutorThatIsGoneAreOfferedAgain(t *testing.T) {
	t.Parallel()
	for _, gone := range []string{"reaped_at = now()", "stopped_at = now()"} {
		t.Run(gone, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			c := newClaimer(db, store.QueueConfig{})
			id := db.Insert(storetest.Row{})[0]
			db.Exec("UPDATE tagexec.tag_executors SET lease_seconds = 2, " + gone)
			c.claim(t, 1)
			reap(t, db) // its claim is young: it may still hand the job back itself
			if got := state(db, id); got != "running" {
				t.Errorf("at once it is %s", got)
			}
			db.Exec("UPDATE tagexec.tag_jobs SET started_at = started_at - interval '3 s', created_at = created_at - interval '3 s', run_at = run_at - interval '3 s'")
			// The server, which may just have started, must be up for a lease.
			storetest.Eventually(t, "the job is offered again", func() bool { reap(t, db); return state(db, id) == "pending" })
		})
	}
}

// After River's RescuesPastFullBatchOfJobsWithNoTimeout: more are dead than one reap takes.
func TestTwoReapersTakeEachExecutorOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_jobs (tag) SELECT 't' FROM generate_series(1, 100)")
	s := db.Store()
	for range 20 {
		c := claimer{s.Queue(store.QueueConfig{Kinds: kinds, Timeout: time.Hour}), db, db.Executor()}
		c.claim(t, 5)
		expire(db, c.id)
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
