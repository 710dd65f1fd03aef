package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// The server's clock was ahead by eight hours, and is right again. After a second
// look at it a job waits only for what somebody asked for.
func TestReapMovesJobsBackWithTheClock(t *testing.T) {
	t.Parallel()
	const ahead = "now() + interval '8 h'"
	for _, tt := range []struct {
		name, set string // of the pending job, at the wrong time
		want      string // run_at afterwards
	}{
		{"due when it was inserted", "created_at = " + ahead + ", run_at = " + ahead, "now()"},
		{"due before it was inserted", "created_at = " + ahead + ", run_at = " + ahead + " - interval '1 h'", "now()"},
		{"moved before", "created_at = " + ahead + " + interval '2 min', run_at = " + ahead, "now()"},
		{"asked for later", "created_at = " + ahead + ", run_at = " + ahead + " + interval '10 min'", ahead + " + interval '10 min'"},
		{"asked for later, at the right time", "run_at = " + ahead, ahead},
		{"waiting for a retry", "error_code = 'error', finished_at = " + ahead + ", run_at = " + ahead + " + interval '10 min'", "now() + interval '10 min'"},
		{"lost", "error_code = 'lost', finished_at = " + ahead + " + interval '1 ms', run_at = " + ahead, "now()"},
		{"submitted again for later", "finished_at = " + ahead + ", run_at = " + ahead + " + interval '1 h'", ahead + " + interval '1 h'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			s := db.Store()
			db.Insert(storetest.Row{})
			if _, err := s.Reap(t.Context(), 0); err != nil { // it looks while all is well
				t.Fatal(err)
			}
			db.Exec("UPDATE tagexec.tag_jobs SET " + tt.set)
			never := storetest.One[bool](db, "SELECT finished_at IS NULL FROM tagexec.tag_jobs")
			look := func() {
				t.Helper()
				if _, err := s.Reap(t.Context(), 0); err != nil {
					t.Fatal(err)
				}
			}
			was := storetest.One[time.Time](db, "SELECT run_at FROM tagexec.tag_jobs")
			look()
			look()
			storetest.Check(t, "moved by a clock that runs", storetest.One[time.Time](db, "SELECT run_at FROM tagexec.tag_jobs").Equal(was), true)
			store.ServerClockWasAhead(s, 8*time.Hour)
			look()
			if off := storetest.One[float64](db, "SELECT extract(epoch FROM run_at - ("+tt.want+"))::float8 FROM tagexec.tag_jobs"); off < -60 || off > 1 {
				t.Errorf("it waits %f s longer than until %s", off, tt.want)
			}
			storetest.Check(t, "never finished", storetest.One[bool](db, "SELECT finished_at IS NULL FROM tagexec.tag_jobs"), never)
		})
	}
}

// What somebody asked to run again while the clock was ahead does not wait until it
// has come so far again, unless that was asked for.
func TestReapMovesRetriesBackWithTheClock(t *testing.T) {
	t.Parallel()
	const (
		end    = "UPDATE tagexec.tag_jobs SET state = 'failed', finished_at = now(), error_code = 'error'"
		submit = `SELECT tagexec.submit_jobs('b', jsonb_build_array(jsonb_build_object('tag', 't', 'dedupe_key', 'k'%s)))`
		asks   = "SELECT tagexec.retry_job(id) FROM tagexec.tag_jobs"
	)
	for _, tt := range []struct {
		name     string
		before   string // what was done at the right time
		ahead    []string
		finished string // how long before that it had ended; "8 h" is at the right time
		wait     float64
	}{
		{"a job that ended at the right time", end, []string{asks}, "8 h", 0},
		{"a job that ended just before, ahead too", "", []string{end, asks}, "0", 0},
		{"a job that ended hours before, ahead too", "", []string{end, asks}, "4 h", 0},
		{"a batch", end, []string{"SELECT tagexec.retry_batch('b')"}, "8 h", 0},
		{"a submission", end, []string{fmt.Sprintf(submit, "")}, "8 h", 0},
		{"a submission for later", end, []string{fmt.Sprintf(submit, ", 'run_at', clock_timestamp() + interval '10 min'")}, "8 h", (8*time.Hour + 10*time.Minute).Seconds()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			for _, rule := range []string{"last_outcome", "attempts_recorded"} {
				db.Allow(rule) // nothing ran
			}
			s := db.Store()
			db.Exec(fmt.Sprintf(submit, ""))
			if tt.before != "" {
				db.Exec(tt.before)
			}
			for _, sql := range tt.ahead {
				db.Exec(sql)
			}
			storetest.Check(t, "asked for", storetest.One[string](db, "SELECT state FROM tagexec.tag_jobs"), "pending")
			if err := pgx.BeginFunc(t.Context(), db.Pool, func(tx pgx.Tx) error {
				// The record of actions is append-only, except so.
				_, err := tx.Exec(t.Context(), fmt.Sprintf(`SET LOCAL session_replication_role = replica;
					UPDATE tagexec.tag_operator_actions SET at = at + interval '8 h';
					UPDATE tagexec.tag_jobs SET run_at = run_at + interval '8 h', finished_at = finished_at + interval '8 h' - interval '%s'`, tt.finished))
				return err
			}); err != nil {
				t.Fatal(err)
			}
			for i := range 2 {
				if i > 0 {
					store.ServerClockWasAhead(s, 8*time.Hour)
				}
				if _, err := s.Reap(t.Context(), 0); err != nil {
					t.Fatal(err)
				}
			}
			if wait := storetest.One[float64](db, "SELECT extract(epoch FROM run_at - now())::float8 FROM tagexec.tag_jobs"); wait < tt.wait-60 || wait > tt.wait {
				t.Errorf("it waits %f s, want %f s", wait, tt.wait)
			}
		})
	}
}

// A retry that was asked for while an attempt was being cancelled, then.
func TestReapMovesARetryOfACancelledAttemptBackWithTheClock(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for _, rule := range []string{"attempt_times", "job_times"} {
		db.Allow(rule) // the clock was set
	}
	c := db.Claimer(store.Executor{})
	id := db.Insert(storetest.Row{})[0]
	job := c.MustClaim(t, 1)[0]
	for _, sql := range []string{"SELECT tagexec.cancel_job($1)", "SELECT tagexec.retry_job($1)"} {
		db.Exec(sql, id)
	}
	c.MustRecord(t, store.Result{Claim: job.Claim, Outcome: store.Cancelled})
	db.Exec("UPDATE tagexec.tag_jobs SET run_at = run_at + interval '8 h', finished_at = finished_at + interval '8 h', started_at = started_at + interval '8 h'")
	for i := range 2 {
		if i > 0 {
			store.ServerClockWasAhead(c.Store, 8*time.Hour)
		}
		if _, err := c.Reap(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	storetest.Check(t, "pending", db.State(id), "pending")
	storetest.Check(t, "due", storetest.One[bool](db, "SELECT run_at <= now() FROM tagexec.tag_jobs"), true)
}

// Whoever saw the clock being set back may be gone: the fleet was stopped for it.
func TestReapMovesJobsBackThatCameBeforeItsFirstLook(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, trace string }{
		{"a job that is new", "UPDATE tagexec.tag_jobs SET created_at = now() + interval '8 h', run_at = now() + interval '8 h'"},
		{"a job that an executor interrupted, and that stopped then", `UPDATE tagexec.tag_jobs SET run_at = now() + interval '8 h', finished_at = now() + interval '8 h', error_code = 'error';
			INSERT INTO tagexec.tag_executors (id, hostname, pid, version, workers, kinds, lease_seconds, heartbeat_at, stopped_at)
			VALUES (gen_random_uuid(), 'h', 1, 'v', 1, '{sql}', 30, now() - interval '1 min', now() + interval '8 h')`},
		{"a job that was retried", `WITH o AS (INSERT INTO tagexec.tag_operator_actions (action, job_id, at) SELECT 'retry_job', id, now() + interval '8 h' FROM tagexec.tag_jobs RETURNING at)
			UPDATE tagexec.tag_jobs SET run_at = (SELECT at FROM o)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Insert(storetest.Row{})
			for _, sql := range strings.Split(tt.trace, ";") {
				db.Exec(sql)
			}
			if _, err := db.Store().Reap(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			storetest.Check(t, "due", storetest.One[bool](db, "SELECT run_at <= now() FROM tagexec.tag_jobs"), true)
		})
	}
}
