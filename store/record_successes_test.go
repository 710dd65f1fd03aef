package store_test

import (
	"encoding/json"
	"testing"

	"github.com/google/uuid"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestRecordSuccessesStoresAllOfAResult(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := db.Claimer(store.Executor{})
	db.Insert(storetest.Row{})
	job := c.MustClaim(t, 1)[0]
	db.Exec("UPDATE tagexec.tag_jobs SET unavailable_since = now(), error_code = 'unavailable', error = 'no source'") // as an attempt before leaves it
	rows, code := int64(12), int32(3)
	c.MustRecord(t, store.Result{Claim: job.Claim, Outcome: store.Succeeded, RowsAffected: &rows, ExitCode: &code,
		Value: json.RawMessage(`{"n": 1}`), Output: "out ✓", OutputBytes: 99, QueryID: "7f-1"})
	got := storetest.One[string](db, `SELECT concat_ws(' ', j.state, j.rows_affected, j.exit_code, j.result, num_nulls(j.unavailable_since, j.error_code, j.error),
		a.outcome, a.rows_affected, a.exit_code, a.output, a.output_bytes, a.query_id, a.hostname, num_nulls(a.error_code, a.error),
		a.queued_at = j.created_at, a.executor_id = j.executor_id, a.started_at = j.started_at, a.finished_at = j.finished_at)
		FROM tagexec.tag_jobs j JOIN tagexec.tag_job_attempts a ON a.job_id = j.id AND a.attempt = j.attempt`)
	storetest.Check(t, "stored", got, `succeeded 12 3 {"n": 1} 3 succeeded 12 3 out ✓ 99 7f-1 test 2 t t t t`)
}

// The fence holds without the lock too. Each result is sent alone: beside one
// whose row is locked all would be left to the other statement.
func TestRecordSuccessesLeavesOutWhatItMayNotChange(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*store.Claim){
		"an attempt to come": func(c *store.Claim) { c.Attempt++ },
		"an attempt before":  func(c *store.Claim) { c.Attempt-- },
		"another executor":   func(c *store.Claim) { c.Executor = uuid.New() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			c := db.Claimer(store.Executor{})
			db.Insert(storetest.Row{}, storetest.Row{})
			jobs := c.MustClaim(t, 2)
			late := store.Result{Claim: jobs[0].Claim, Outcome: store.Succeeded}
			change(&late.Claim)
			fates := c.MustRecord(t, late, store.Result{Claim: jobs[1].Claim, Outcome: store.Succeeded})
			storetest.Check(t, "fates", fates, []store.Fate{store.Refused, store.Applied})
			storetest.Check(t, "states", storetest.All[string](db, "SELECT state FROM tagexec.tag_jobs ORDER BY id"), []string{"running", "succeeded"})
		})
	}
}

// Whoever locks rows against the order of their ids meets a record that has
// changed one and waits for the next. The record gives way before a server looks
// for a deadlock, and breaks nobody's transaction.
func TestRecordSuccessesGivesWayBeforeADeadlock(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("ALTER DATABASE " + db.Name() + " SET deadlock_timeout = '1 min'") // of the record
	c := db.ClaimerOn(db.Store(), store.Executor{})
	db.Insert(storetest.Row{}, storetest.Row{})
	jobs := c.MustClaim(t, 2)
	results := make([]store.Result, 2)
	for i := range results {
		results[i] = store.Result{Claim: jobs[i].Claim, Outcome: store.Succeeded}
	}
	conn := db.Conn()
	other, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lock := func(id int64) {
		t.Helper()
		if _, err := other.Exec(t.Context(), "SELECT FROM tagexec.tag_jobs WHERE id = $1 FOR UPDATE", id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := other.Exec(t.Context(), "SET LOCAL deadlock_timeout = '4s'"); err != nil { // less than other waits for rows take
		t.Fatal(err)
	}
	lock(jobs[1].ID)
	recorded := make(chan error, 1)
	go func() {
		_, err := c.Record(t.Context(), results)
		recorded <- err
	}()
	storetest.Eventually(t, "the record waits or has ended", func() bool { return db.Waiting() == 1 || len(recorded) == 1 })
	lock(jobs[0].ID)
	if err := <-recorded; err != nil {
		t.Fatal(err)
	}
	if err := other.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.MustRecord(t, results...)
	storetest.Check(t, "states", storetest.All[string](db, "SELECT state FROM tagexec.tag_jobs"), []string{"succeeded", "succeeded"})
}
