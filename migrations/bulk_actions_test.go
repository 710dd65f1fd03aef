package migrations_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestCancelJobsStopsWhatIsUnfinishedAndPutsItOnRecordOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	e := db.Executor()
	runs := db.Insert(running(e))[0]
	waits := db.Insert(storetest.Row{"batch": "b"})[0]
	done := ended(db, nil, "succeeded", e)
	other := db.Insert(storetest.Row{"batch": "b"})[0]
	ids := []int64{waits, runs, done, 77777, waits}
	for _, want := range []int{2, 0} {
		storetest.Check(t, "touched", storetest.One[int](db, "SELECT tagexec.cancel_jobs($1, 'not wanted')", ids), want)
	}
	storetest.Check(t, "jobs", storetest.All[string](db, "SELECT concat_ws(' ', state, cancel_requested_at IS NOT NULL, error) FROM tagexec.tag_jobs ORDER BY id"),
		"[running t cancelled f not wanted succeeded f y pending f]")
	storetest.Check(t, "on record", storetest.All[string](db, "SELECT concat_ws(' ', action, job_ids, reason, before, '->', after, bulk_id) FROM tagreport.operator_actions"),
		fmt.Sprintf(`[cancel_jobs {%d,%d} not wanted {"pending": 1, "running": 1} -> {"cancelled": 1, "asked_to_stop": 1}]`, waits, runs))
	if db.State(other) != "pending" {
		t.Error("another job of the batch was touched")
	}
}

func TestRetryJobsMakesPendingWhatRetryJobWould(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	e := db.Executor()
	failed := ended(db, storetest.Row{"batch": "over"}, "failed", e)
	cancelled := ended(db, nil, "cancelled", e)
	succeeded := ended(db, nil, "succeeded", e)
	runs := db.Insert(running(e))[0]
	waits := db.Insert(storetest.Row{"run_at": "2040-01-01"})[0]
	c := db.Claimer(store.Executor{})
	db.Insert(storetest.Row{"tag": "paused"})
	c.MustRecord(t, store.Result{Claim: c.MustClaim(t, 1)[0].Claim, Outcome: store.Failed, Delay: 3600e9})
	paused := storetest.One[int64](db, "SELECT id FROM tagexec.tag_jobs WHERE tag = 'paused'")
	db.Exec("UPDATE tagexec.tag_batches SET expires_at = '2026-01-01', expired_at = '2026-01-01'")
	ids := []int64{paused, waits, runs, succeeded, cancelled, failed}
	storetest.Check(t, "touched", storetest.One[int](db, "SELECT tagexec.retry_jobs($1, 'mended')", ids), 4)
	storetest.Check(t, "again", storetest.One[int](db, "SELECT tagexec.retry_jobs($1, 'mended')", ids), 0)
	storetest.Check(t, "states", storetest.All[string](db, "SELECT state || ' ' || failures || ' ' || (run_at <= now()) FROM tagexec.tag_jobs ORDER BY id"),
		"[pending 0 true pending 0 true pending 0 true running 0 true pending 0 false pending 0 true]")
	storetest.Check(t, "attempts kept", storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_job_attempts"), 4)
	storetest.Check(t, "the batch", storetest.One[bool](db, "SELECT expires_at IS NULL AND expired_at IS NULL FROM tagexec.tag_batches"), true)
	storetest.Check(t, "on record", storetest.All[string](db, "SELECT concat_ws(' ', action, reason, job_ids, before - 'expires_at', before #>> '{expires_at,over}' LIKE '2026%', '->', after) FROM tagreport.operator_actions"),
		fmt.Sprintf(`[retry_jobs mended {%d,%d,%d,%d} {"failed": 1, "pending": 1, "cancelled": 1, "succeeded": 1} t -> {"requeued": 4, "expires_at": null}]`, failed, cancelled, succeeded, paused))
}

// A retry of several that are being cancelled follows their attempts, as one does.
func TestRetryJobsFollowsACancel(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := db.Claimer(store.Executor{Workers: 2})
	ids := db.Insert(storetest.Row{}, storetest.Row{})
	jobs := c.MustClaim(t, 2)
	db.Exec("SELECT tagexec.cancel_jobs($1)", ids)
	storetest.Check(t, "touched", storetest.One[int](db, "SELECT tagexec.retry_jobs($1)", ids), 2)
	c.End(t, store.Cancelled, jobs...)
	storetest.Check(t, "states", storetest.All[string](db, "SELECT state FROM tagexec.tag_jobs"), "[pending pending]")
}

func TestBulkFunctionsTakeTenThousandJobsACall(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, batch) SELECT 't', 'b' || i % 9 FROM generate_series(1, 10000) i")
	for _, call := range []string{"cancel_jobs", "retry_jobs"} {
		storetest.Check(t, call, storetest.One[int](db, "SELECT tagexec."+call+"(ARRAY(SELECT id FROM tagexec.tag_jobs))"), 10000)
		_, err := db.Pool.Exec(t.Context(), "SELECT tagexec."+call+"(ARRAY(SELECT generate_series(1, 10001)::bigint))")
		if pg := storetest.PgError(t, err); pg.Code != "54000" || pg.Message != "10001 jobs are too many for one call: at most 10000" {
			t.Errorf("%s: %s %s", call, pg.Code, pg.Message)
		}
		storetest.Check(t, call+" of nothing", storetest.One[int](db, "SELECT tagexec."+call+"('{}') + tagexec."+call+"(NULL)"), 0)
	}
	storetest.Check(t, "on record", len(storetest.All[string](db, "SELECT action FROM tagexec.tag_operator_actions")), 2)
}

func TestSetBatchPriorityMovesPendingJobs(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	e := db.Executor()
	done, run := storetest.Row{"batch": "b"}, running(e)
	run["batch"] = "b"
	ended(db, done, "succeeded", e)
	db.Insert(run, storetest.Row{"batch": "b"}, storetest.Row{"batch": "b", "priority": 7}, storetest.Row{"batch": "b", "mutex_key": "k"}, storetest.Row{"batch": "other"})
	c := db.Claimer(store.Executor{Workers: 8})
	storetest.Check(t, "moved", storetest.One[int](db, "SELECT tagexec.set_batch_priority('b', 7, 'late')"), 2)
	storetest.Check(t, "again", storetest.One[int](db, "SELECT tagexec.set_batch_priority('b', 7, 'late')"), 0)
	storetest.Check(t, "priorities", storetest.All[int](db, "SELECT priority FROM tagexec.tag_jobs ORDER BY id"), "[5 5 7 7 7 5]")
	storetest.Check(t, "on record", actions(db), `[set_batch_priority b late {"pending_by_priority": {"5": 2}} -> {"moved": 2, "priority": 7}]`)
	storetest.Check(t, "claimed first", fmt.Sprint(c.MustClaim(t, 2)[0].Priority), "7")
	for _, tt := range []struct{ call, code, message string }{
		{"set_batch_priority('nobody', 7)", "P0002", `there is no batch "nobody"`},
		{"set_batch_priority('b', 10)", "22023", "priority is 10; it may be 0 to 9, and higher goes first"},
		{"set_batch_priority('b', -1)", "22023", "priority is -1"},
		{"set_batch_priority('b', NULL)", "22023", "priority is null"},
	} {
		_, err := db.Pool.Exec(t.Context(), "SELECT tagexec."+tt.call)
		if pg := storetest.PgError(t, err); pg.Code != tt.code || !strings.Contains(pg.Message, tt.message) {
			t.Errorf("%s: %s %s", tt.call, pg.Code, pg.Message)
		}
	}
}

func TestDrainExecutorAsksOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c, stopped := db.Claimer(store.Executor{}), db.Claimer(store.Executor{})
	if err := stopped.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	drain := func(id uuid.UUID) bool {
		return storetest.One[bool](db, "SELECT tagexec.drain_executor($1, 'new kernel')", id)
	}
	if drained, err := c.Heartbeat(t.Context()); drained || err != nil {
		t.Errorf("drained before anybody asked: %v, %v", drained, err)
	}
	storetest.Check(t, "asked", []bool{drain(c.ID), drain(c.ID), drain(stopped.ID), drain(uuid.New())}, "[true false false false]")
	if drained, err := c.Heartbeat(t.Context()); !drained || err != nil {
		t.Errorf("not told: %v", err)
	}
	storetest.Check(t, "on record", storetest.All[string](db, "SELECT concat_ws(' ', action, executor_id, reason, before, '->', after) FROM tagreport.operator_actions"),
		fmt.Sprintf(`[drain_executor %s new kernel {"pid": 1, "hostname": "test"} -> {"drain": true}]`, c.ID))
	// It claims nothing more, so it counts for nobody.
	id := db.Insert(storetest.Row{})[0]
	storetest.Check(t, "explained", storetest.One[string](db, "SELECT tagexec.explain_job($1)", id), "no live executor for kind sql and pool default")
}

// For whom, with which others and why: what a function takes no argument for comes from settings.
func TestActionsTakeWhoAndWhyFromSettings(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	bulk := uuid.New()
	id := db.Insert(storetest.Row{})[0]
	conn := db.Conn()
	may(t, conn, fmt.Sprintf(`SET tagexec.ui_user = 'dana'; SET tagexec.reason = 'because'; SET tagexec.bulk_id = '%s'; SET tagexec.filter = 'state=failed';
		UPDATE tagexec.tag_pools SET slots = 5;
		SELECT tagexec.cancel_job(%d, 'said')`, bulk, id))
	may(t, conn, `RESET tagexec.ui_user; RESET tagexec.reason; SET tagexec.bulk_id = ''; SET tagexec.filter = '';
		UPDATE tagexec.tag_pools SET slots = 6`)
	storetest.Check(t, "on record", storetest.All[string](db, "SELECT concat_ws(' ', action, ui_user, reason, bulk_id, filter) FROM tagreport.operator_actions ORDER BY id"),
		fmt.Sprintf("[change_pool dana because %[1]s state=failed cancel_job dana said %[1]s state=failed change_pool]", bulk))
	_, err := conn.Exec(t.Context(), "SET tagexec.bulk_id = 'x'; UPDATE tagexec.tag_pools SET slots = 7")
	if pg := storetest.PgError(t, err); pg.Code != "22P02" {
		t.Errorf("a bulk id that is none: %s", pg.Message)
	}
}

// Two calls that name the same batches in another order do not wait for each other.
func TestBulkFunctionsDoNotDeadlock(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, batch) SELECT 't', 'b' || i % 20 FROM generate_series(1, 200) i")
	errs := make(chan error)
	for _, order := range []string{"id", "id DESC", "batch", "batch DESC"} {
		for _, call := range []string{"cancel_jobs", "retry_jobs"} {
			go func() {
				for range 20 {
					if _, err := db.Pool.Exec(t.Context(), fmt.Sprintf("SELECT tagexec.%s(ARRAY(SELECT id FROM tagexec.tag_jobs ORDER BY %s))", call, order)); err != nil {
						errs <- err
						return
					}
				}
				errs <- nil
			}()
		}
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// As cancel_batch and retry_batch do: of two that change a batch, the later one sees what
// the earlier did.
func TestBulkFunctionsWaitForWhoChangesTheBatch(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	id := db.Insert(storetest.Row{"batch": "b"})[0]
	holder, conn := db.Conn(), db.Conn()
	may(t, holder, "BEGIN; SELECT tagexec.lock_batch('b')")
	may(t, conn, "SET lock_timeout = '50ms'")
	for _, call := range []string{"cancel_jobs", "retry_jobs"} {
		_, err := conn.Exec(t.Context(), fmt.Sprintf("SELECT tagexec.%s('{%d}')", call, id))
		if pg := storetest.PgError(t, err); pg.Code != "55P03" || !strings.Contains(pg.Message, `batch "b" has been locked`) {
			t.Errorf("%s: %s %s", call, pg.Code, pg.Message)
		}
	}
	may(t, holder, "COMMIT")
	may(t, conn, fmt.Sprintf("SELECT tagexec.cancel_jobs('{%d}')::text", id), "1")
}
