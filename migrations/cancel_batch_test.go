package migrations_test

import (
	"fmt"
	"testing"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestCancelBatchEndsPendingJobsAndAsksRunningOnesToStop(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s, c := db.Store(), db.Claimer(store.Executor{})
	submit(t, s, "b", "attach", object{"tag": "done", "priority": 9}, object{"tag": "running", "priority": 8}, object{"tag": "pending"})
	submit(t, s, "other", "attach", object{"tag": "x", "priority": 0})
	jobs := c.MustClaim(t, 2)
	c.End(t, store.Succeeded, jobs[0])
	cancel := func() int { return storetest.One[int](db, "SELECT tagexec.cancel_batch('b', 'a reason')") }
	if first, second := cancel(), cancel(); first != 2 || second != 0 {
		t.Errorf("touched %d and %d jobs, want 2 and 0", first, second)
	}
	got := storetest.All[string](db, "SELECT concat_ws(' ', tag, state, error_code, error, cancel_requested_at IS NOT NULL, finished_at IS NOT NULL) FROM tagexec.tag_jobs ORDER BY id")
	want := []string{"done succeeded f t", "running running t f", "pending cancelled cancelled a reason f t", "x pending f f"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := storetest.One[string](db, "SELECT concat_ws(' ', action, batch, reason, by, before, after) FROM tagexec.tag_operator_actions"); got != `cancel_batch b a reason postgres {"pending": 1, "running": 1} {"cancelled": 1, "asked_to_stop": 1}` {
		t.Errorf("action %s", got)
	}
	if got := storetest.One[string](db, "SELECT concat_ws(' ', cancel_reason, cancel_requested_at IS NOT NULL) FROM tagexec.tag_batches WHERE batch = 'b'"); got != "a reason t" {
		t.Errorf("batch: %s", got)
	}
	running, err := c.Running(t.Context())
	if err != nil || len(running) != 1 || !running[0].Cancel || running[0].Claim != jobs[1].Claim {
		t.Errorf("running %+v, %v", running, err)
	}
	c.End(t, store.Failed, jobs[1])
	if got := db.State(jobs[1].ID); got != "cancelled" {
		t.Errorf("after its attempt ended: %s", got)
	}
}

// The finished_at of a job cancelled in an old transaction is not before its start.
func TestCancelBatchInALongTransactionKeepsTheOrderOfTimes(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	submit(t, db.Store(), "b", "attach", object{"tag": "t"})
	tx, err := db.Conn().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	c := db.Claimer(store.Executor{})
	c.End(t, store.Interrupted, c.MustClaim(t, 1)...)
	if _, err := tx.Exec(t.Context(), "SELECT tagexec.cancel_batch('b')"); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestCancelBatchAndResubmissionTheLaterOneWins(t *testing.T) {
	t.Parallel()
	const cancelled, resubmitted = "cancelled 8 ", "pending 1 "
	for _, tt := range []struct {
		name    string
		steps   string        // c cancels, s submits with priority 1, a attaches
		outcome store.Outcome // lost: reaped
		want    string        // state, priority, attempt rows
	}{
		{"cancel", "c", store.Failed, cancelled + "cancelled"},
		{"cancel, submit", "cs", store.Failed, resubmitted + "cancelled"},
		{"cancel, submit; timed out", "cs", store.TimedOut, resubmitted + "cancelled"},
		{"cancel, submit; stopped as asked", "cs", store.Cancelled, resubmitted + "cancelled"},
		{"cancel, submit; executor stopped", "cs", store.Interrupted, resubmitted + "cancelled"},
		{"cancel, submit; executor died", "cs", store.Lost, resubmitted + "cancelled"},
		{"cancel; executor died", "c", store.Lost, cancelled + "cancelled"},
		{"cancel, submit, cancel", "csc", store.Failed, cancelled + "cancelled"},
		{"cancel, submit, cancel; executor died", "csc", store.Lost, cancelled + "cancelled"},
		{"cancel, submit, cancel, submit", "cscs", store.Failed, resubmitted + "cancelled"},
		{"cancel, attach", "ca", store.Failed, cancelled + "cancelled"},
		{"submit without a cancel changes nothing", "s", store.Failed, "pending 8 failed"},
		{"a success that was first stands", "cs", store.Succeeded, "succeeded 8 succeeded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			s, c := db.Store(), db.Claimer(store.Executor{})
			submit(t, s, "b", "attach", object{"tag": "t", "priority": 8, "mutex_key": "m", "timeout_seconds": 9})
			jobs := c.MustClaim(t, 1)
			for _, step := range tt.steps {
				switch step {
				case 'c':
					if n := storetest.One[int](db, "SELECT tagexec.cancel_batch('b')"); n != 1 {
						t.Fatalf("cancel touched %d jobs", n)
					}
				case 's':
					submit(t, s, "b", "rerun_all", object{"tag": "t", "priority": 1})
				case 'a':
					submit(t, s, "b", "attach", object{"tag": "t", "priority": 1})
				}
			}
			if tt.outcome == store.Lost {
				db.Expire(c.ID)
				db.Reap()
			} else {
				c.End(t, tt.outcome, jobs...)
			}
			got := storetest.One[string](db, `SELECT concat_ws(' ', state, priority, (SELECT string_agg(outcome, ' ') FROM tagexec.tag_job_attempts)) FROM tagexec.tag_jobs`)
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if got := storetest.One[string](db, "SELECT concat_ws(' ', coalesce(mutex_key, '-'), coalesce(timeout_seconds, 0), failures) FROM tagexec.tag_jobs WHERE state = 'pending' AND priority = 1 UNION ALL SELECT '- 0 0' LIMIT 1"); got != "- 0 0" {
				t.Errorf("resubmitted with %s", got)
			}
			// The late result of the ended attempt is harmless.
			if fate := c.MustRecord(t, store.Result{Claim: jobs[0].Claim, Outcome: store.Succeeded})[0]; (fate == store.Refused) != (tt.outcome == store.Lost) || fate == store.Applied {
				t.Errorf("late result: %s", fate)
			}
		})
	}
}
