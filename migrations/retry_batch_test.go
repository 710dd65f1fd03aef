package migrations_test

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

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
			c := db.Claimer(store.Executor{})
			list := []int64{ended(db, storetest.Row{"batch": "b"}, "succeeded", c.ID), ended(db, storetest.Row{"batch": "b"}, "failed", c.ID),
				ended(db, storetest.Row{"batch": "b"}, "cancelled", c.ID)}
			later := db.Insert(storetest.Row{"batch": "b", "run_at": "2040-01-01"})[0]
			first, second := running(c.ID), running(c.ID)
			first["batch"], second["batch"], second["cancel_requested_at"] = "b", "b", time.Now()
			list = append(list, later)
			list = append(list, db.Insert(first, second)...)
			list = append(list, ended(db, storetest.Row{"batch": "other"}, "failed", c.ID))
			db.Exec("UPDATE tagexec.tag_batches SET cancel_requested_at = now(), cancel_reason = 'r'")
			call := func() int { return storetest.One[int](db, "SELECT tagexec."+tt.call) }
			storetest.Check(t, "touched", call(), tt.touched)
			storetest.Check(t, "the second call touched", call(), 0)
			if fates := c.MustRecord(t, store.Result{Claim: store.Claim{ID: list[5], Attempt: 1, Executor: c.ID}, Outcome: store.Cancelled}); fates[0] != store.Applied {
				t.Errorf("fate %s", fates[0])
			}
			storetest.Check(t, "states", storetest.All[string](db, "SELECT state FROM tagexec.tag_jobs WHERE id = ANY ($1) ORDER BY array_position($1, id)", list), tt.states)
			storetest.Check(t, "the failed job", storetest.One[string](db, jobLine, list[1]), "pending 1 0 0 0 t")
			storetest.Check(t, "the job whose cancel was in flight", storetest.One[string](db, jobLine, list[5]), "pending 1 0 0 0 t")
			storetest.Check(t, "a waiting job's time", storetest.One[bool](db, "SELECT run_at = '2040-01-01' FROM tagexec.tag_jobs WHERE id = $1", later), true)
			storetest.Check(t, "the batches", storetest.All[string](db, "SELECT concat_ws(' ', batch, cancel_reason, cancel_requested_at IS NULL) FROM tagexec.tag_batches ORDER BY 1"), "[b t other r f]")
			which := "failed"
			if tt.touched == 4 {
				which = "all"
			}
			storetest.Check(t, "on record", actions(db), fmt.Sprintf(`[retry_batch b {"failed": 1, "pending": 1, "running": 2, "cancelled": 1, "succeeded": 1} -> {"which": "%s", "requeued": %d}]`, which, tt.touched))
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
		{"made pending by another retry", "UPDATE tagexec.tag_jobs SET state = 'pending', attempt_is_past = true, run_at = '2040-01-01', cancel_requested_at = NULL", "0 pending"},
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
			storetest.Check(t, "touched and state", storetest.One[string](db, "SELECT concat_ws(' ', $1::text, (SELECT state FROM tagexec.tag_jobs))", fmt.Sprint(touched)), tt.want)
			storetest.Check(t, "actions", len(actions(db)), touched)
		})
	}
}
