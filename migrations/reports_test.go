package migrations_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// views are those that the contract names.
var views = []string{"attempts", "batches", "executors", "failure_reasons", "jobs", "minutes", "operator_actions", "pools", "queue_now", "tag_daily", "tag_freshness", "unwritable_jobs", "vacuum_blockers"}

func TestReportsAreReadByThoseWhoMayAndNobodyElse(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	storetest.Check(t, "views", storetest.All[string](db, "SELECT viewname::text FROM pg_views WHERE schemaname = 'tagreport' ORDER BY 1"), fmt.Sprint(views))
	for _, group := range []string{"tagexec_analyst", "tagexec_viewer", "tagexec_producer", "tagexec_operator", "tagexec_executor"} {
		_, u := db.Login(group)
		conn := storetest.Dial(t, u)
		for _, v := range views {
			may(t, conn, "SELECT * FROM tagreport."+v)
		}
		// The one that Postgres could write through to its table.
		mayNot(t, conn, "DELETE FROM tagreport.operator_actions", "CREATE VIEW tagreport.mine AS SELECT 1")
	}
	_, u := db.Login("")
	conn := storetest.Dial(t, u)
	for _, v := range views {
		mayNot(t, conn, "SELECT FROM tagreport."+v)
	}
	mayNot(t, conn, "SELECT tagreport.days()", "SELECT tagreport.snapshot_sessions()")
}

// A reader must not find in any column what the contract keeps from it.
func TestReportsShowNoPayloadResultOrOutput(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	storetest.Check(t, "columns", storetest.All[string](db, `SELECT format('%s.%s', table_name, column_name) FROM information_schema.columns
		WHERE table_schema = 'tagreport' AND column_name ~ 'payload|result|output' AND column_name <> 'output_bytes'`), "[]")
	const secret = "sesame"
	db.Exec("UPDATE tagexec.tag_pools SET slots = 5") // an action on record
	c := db.Claimer(store.Executor{})
	submit := func() {
		db.Exec(`SELECT tagexec.submit_jobs('b', '[{"tag": "a", "payload": {"k": "sesame"}}, {"tag": "b", "payload": {"k": "sesame"}}]', '{"dag_id": "d"}', 'rerun_all')`)
	}
	submit()
	for i, job := range c.MustClaim(t, 2) {
		c.MustRecord(t, store.Result{Claim: job.Claim, Outcome: []store.Outcome{store.Succeeded, store.Failed}[i], Permanent: true, Value: storetest.JSON(secret), Output: secret, OutputBytes: 6, Error: "it broke"})
	}
	db.Exec("SELECT tagexec.retry_batch('b', 'all'), tagexec.cancel_batch('b', 'why')")
	submit()
	c.MustClaim(t, 1)
	submit()
	_, u := db.Login("tagexec_analyst")
	conn := storetest.Dial(t, u)
	for _, v := range views {
		may(t, conn, fmt.Sprintf("SELECT count(*)::text FROM tagreport.%s v WHERE v::text ~ '%s'", v, secret), "0")
	}
	may(t, conn, "SELECT count(*)::text FROM tagreport.attempts WHERE output_bytes = 6", "2")
}

// report is the first row of a view as name=value, for the columns named.
func report(t *testing.T, conn *pgx.Conn, from string, columns ...string) string {
	t.Helper()
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = fmt.Sprintf("$$%s=$$ || coalesce((%s)::text, 'null')", c, c)
	}
	var row string
	if err := conn.QueryRow(t.Context(), fmt.Sprintf("SELECT concat_ws(' ', %s) FROM tagreport.%s", strings.Join(parts, ", "), from)).Scan(&row); err != nil {
		t.Errorf("%s: %v", from, err)
	}
	return row
}

func TestReportsOnAnEmptyQueue(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	conn := db.Conn()
	for _, v := range views {
		if v != "pools" && v != "queue_now" && v != "vacuum_blockers" {
			may(t, conn, "SELECT count(*)::text FROM tagreport."+v, "0")
		}
	}
	storetest.Check(t, "pool", report(t, conn, "pools", "pool", "slots", "used", "pending", "due", "oldest_pending_seconds", "paused"),
		"pool=default slots=null used=0 pending=0 due=0 oldest_pending_seconds=null paused=false")
	db.Exec("INSERT INTO tagexec.tag_batches (batch, due_at) VALUES ('empty', now() - interval '1 day')")
	storetest.Check(t, "batch", report(t, conn, "batches", "jobs", "pending", "first_started_at", "finished_at", "due_missed"),
		"jobs=0 pending=0 first_started_at=null finished_at=null due_missed=false")
}

// The times of a job's last attempt stay in its row while it waits for the next:
// they must not be taken for those of this turn.
func TestReportsShowTheTimesOfJobsInEveryState(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	conn := db.Conn()
	c := db.Claimer(store.Executor{})
	id := db.Insert(storetest.Row{"batch": "b"})[0]
	job := func() string {
		t.Helper()
		return report(t, conn, "jobs", "state", "queue_wait_seconds >= 0", "queue_wait_seconds > 3000", "run_seconds >= 0")
	}
	const fresh = "queue_wait_seconds >= 0=true queue_wait_seconds > 3000=false "
	storetest.Check(t, "pending", job(), "state=pending "+fresh+"run_seconds >= 0=null")
	db.Exec("UPDATE tagexec.tag_jobs SET run_at = now() + interval '1 hour'")
	storetest.Check(t, "not due", report(t, conn, "jobs", "queue_wait_seconds"), "queue_wait_seconds=0")
	storetest.Check(t, "pool", report(t, conn, "pools", "pending", "due", "oldest_pending_seconds"), "pending=1 due=0 oldest_pending_seconds=null")
	db.Exec("UPDATE tagexec.tag_jobs SET run_at = now(), created_at = now() - interval '1 hour'")
	claimed := c.MustClaim(t, 1)
	storetest.Check(t, "running", job(), "state=running "+fresh+"run_seconds >= 0=true")
	storetest.Check(t, "batch", report(t, conn, "batches", "running", "first_started_at IS NULL", "finished_at"), "running=1 first_started_at IS NULL=false finished_at=null")
	first := storetest.One[string](db, "SELECT started_at::text FROM tagexec.tag_jobs")
	c.MustRecord(t, store.Result{Claim: claimed[0].Claim, Outcome: store.Failed, Error: "e", Delay: 3600e9})
	storetest.Check(t, "waits for its retry", job(), "state=pending "+fresh+"run_seconds >= 0=null")
	db.Exec("SELECT tagexec.cancel_job($1)", id)
	storetest.Check(t, "cancelled while it waits", job(), "state=cancelled queue_wait_seconds >= 0=null queue_wait_seconds > 3000=null run_seconds >= 0=null")
	storetest.Check(t, "batch", report(t, conn, "batches", "cancelled", "finished_at IS NULL"), "cancelled=1 finished_at IS NULL=false")
	db.Exec("SELECT tagexec.retry_job($1)", id)
	c.End(t, store.Succeeded, c.MustClaim(t, 1)...)
	storetest.Check(t, "succeeded", job(), "state=succeeded "+fresh+"run_seconds >= 0=true")
	storetest.Check(t, "the batch's first start", report(t, conn, "batches", "first_started_at::text"), "first_started_at::text="+first)
	storetest.Check(t, "attempts", storetest.One[int](db, "SELECT count(*) FROM tagreport.attempts WHERE queue_wait_seconds BETWEEN 0 AND 3000 AND run_seconds >= 0 AND batch = 'b'"), 2)
}

func TestReportsShowABatchLateOnceItsDueTimePassesUnfinished(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	conn := db.Conn()
	db.Insert(storetest.Row{"batch": "b"})
	late := func() string { return report(t, conn, "batches", "due_missed") }
	for _, tt := range []struct{ change, want string }{
		{"SELECT", "due_missed=false"}, // no due time
		{"UPDATE tagexec.tag_batches SET due_at = now() + interval '1 hour'", "due_missed=false"},
		{"UPDATE tagexec.tag_batches SET due_at = now() - interval '1 hour'", "due_missed=true"},
		{"UPDATE tagexec.tag_jobs SET state = 'cancelled', finished_at = now() - interval '2 hours'", "due_missed=false"},
		{"UPDATE tagexec.tag_jobs SET finished_at = now() - interval '1 minute'", "due_missed=true"},
	} {
		db.Exec(tt.change)
		storetest.Check(t, tt.change, late(), tt.want)
	}
}

func TestReportsKeepTheFreshnessOfASuccessThroughARerun(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	conn := db.Conn()
	c := db.Claimer(store.Executor{})
	fresh := func() string {
		return report(t, conn, "tag_freshness WHERE tag = 'a'", "biz_date", "succeeded_at IS NULL", "age_seconds >= 0")
	}
	submit := func(date string) {
		db.Exec(`SELECT tagexec.submit_jobs('b' || $1, jsonb_build_array(jsonb_build_object('tag', 'a', 'biz_date', $1::text)), '{}', 'rerun_all')`, date)
	}
	submit("2026-11-22")
	storetest.Check(t, "never", fresh(), "biz_date=null succeeded_at IS NULL=true age_seconds >= 0=null")
	c.End(t, store.Succeeded, c.MustClaim(t, 1)...)
	storetest.Check(t, "once", fresh(), "biz_date=2026-11-22 succeeded_at IS NULL=false age_seconds >= 0=true")
	submit("2026-11-22")
	storetest.Check(t, "to run again", fresh(), "biz_date=2026-11-22 succeeded_at IS NULL=false age_seconds >= 0=true")
	c.End(t, store.Cancelled, c.MustClaim(t, 1)...)
	submit("2025-01-01") // a backfill
	c.End(t, store.Succeeded, c.MustClaim(t, 1)...)
	submit("2026-11-23")
	storetest.Check(t, "the next day only pending", fresh(), "biz_date=2026-11-22 succeeded_at IS NULL=false age_seconds >= 0=true")
	storetest.Check(t, "tags", storetest.One[int](db, "SELECT count(*) FROM tagreport.tag_freshness"), 1)
}

func TestReportsCountDaysInTheSessionsTimeZone(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Allow("attempts_recorded")
	db.Insert(storetest.Row{"tag": "a"})
	db.Exec(`INSERT INTO tagexec.tag_past_attempts (job_id, executor_id, queued_at, started_at, finished_at, attempt, hostname, outcome, tag, pool, slots)
		SELECT 1, gen_random_uuid(), t - interval '9 s', t - interval '4 s', t, n, 'h', 'failed', 'a', 'default', 1
		  FROM unnest('{2010-05-05 12:00Z, 2026-03-01 23:30Z, 2026-03-02 00:30Z}'::timestamptz[]) WITH ORDINALITY u (t, n)`)
	conn := db.Conn()
	for zone, want := range map[string]string{
		"UTC":              "2010-05-05:1 2026-03-01:1 2026-03-02:1",
		"Europe/Berlin":    "2010-05-05:1 2026-03-02:2",
		"America/New_York": "2010-05-05:1 2026-03-01:2",
	} {
		may(t, conn, "SET timezone = '"+zone+"'")
		for _, v := range []string{"tag_daily", "failure_reasons"} {
			may(t, conn, "SELECT string_agg(day || ':' || attempts, ' ' ORDER BY day) FROM tagreport."+v, want)
		}
	}
	storetest.Check(t, "figures", report(t, conn, "tag_daily WHERE day = '2010-05-05'", "tag", "pool", "failures", "p50_run_seconds", "p95_run_seconds", "p95_queue_wait_seconds", "rows_affected", "slot_seconds"),
		"tag=a pool=default failures=1 p50_run_seconds=4 p95_run_seconds=4 p95_queue_wait_seconds=5 rows_affected=null slot_seconds=4")
}

func TestReportsShowAnExecutorAliveForItsLease(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	conn := db.Conn()
	c := db.Claimer(store.Executor{})
	db.Insert(storetest.Row{"slots": 3})
	c.MustClaim(t, 1)
	executor := func() string { return report(t, conn, "executors", "running", "alive") }
	storetest.Check(t, "registered", executor(), "running=1 alive=true")
	storetest.Check(t, "pool", report(t, conn, "pools", "used"), "used=3")
	db.Exec("UPDATE tagexec.tag_executors SET heartbeat_at = now() - interval '1 minute'")
	storetest.Check(t, "silent", executor(), "running=1 alive=false")
	db.Exec("UPDATE tagexec.tag_executors SET heartbeat_at = now() + interval '1 second'")
	storetest.Check(t, "a clock that was set back a little", executor(), "running=1 alive=true")
	db.Exec("UPDATE tagexec.tag_executors SET heartbeat_at = now() + interval '8 h'")
	storetest.Check(t, "silent since the clock was set back", executor(), "running=1 alive=false")
}

func TestReportsTakeNothingFromTheirReaders(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for _, f := range storetest.All[string](db, `SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'tagreport'::regnamespace
		AND (NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false) OR EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee = 0))`) {
		t.Errorf("%s takes its names from the reader's search_path, or anybody may call it", f)
	}
}

func TestReportOfExecutorsCountsWhatEachRuns(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	busy, other, idle := db.Claimer(store.Executor{}), db.Claimer(store.Executor{}), db.Claimer(store.Executor{})
	db.Insert(storetest.Row{}, storetest.Row{}, storetest.Row{}, storetest.Row{})
	done := busy.MustClaim(t, 3)[0]
	other.MustClaim(t, 1)
	busy.MustRecord(t, store.Result{Claim: done.Claim, Outcome: store.Succeeded})
	for c, want := range map[*storetest.Claimer]string{busy: "2 true", other: "1 true", idle: "0 true"} {
		if got := storetest.One[string](db, "SELECT concat(running, ' ', alive::text) FROM tagreport.executors WHERE id = $1", c.ID); got != want {
			t.Errorf("running and alive: %s, want %s", got, want)
		}
	}
}
