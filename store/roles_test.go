package store_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/devpg"
	"github.com/tagexec/tagexec/store/storetest"
)

// login makes a login in a group role ("" for none) and returns its name and
// the URL of the database for it. Roles are the whole server's.
func login(t *testing.T, db *storetest.DB, group string) (name, u string) {
	t.Helper()
	name = "login_" + strings.ToLower(rand.Text())
	sql := fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'x'", name)
	if group != "" {
		sql += " IN ROLE " + group
	}
	db.Exec(sql)
	t.Cleanup(func() {
		if _, err := db.Pool.Exec(context.Background(), "DROP ROLE "+name); err != nil {
			t.Error(err)
		}
	})
	return name, as(t, db.URL, name)
}

// as is a database URL with another login.
func as(t *testing.T, databaseURL, name string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(name, "x")
	return u.String()
}

func dial(t *testing.T, u string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// may runs statements that are permitted; a result that is given is the first
// column of the first row as text.
func may(t *testing.T, conn *pgx.Conn, sql string, want ...string) {
	t.Helper()
	if len(want) == 0 {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
		return
	}
	var got string
	if err := conn.QueryRow(t.Context(), sql).Scan(&got); err != nil || got != want[0] {
		t.Errorf("%s: %q, %v; want %q", sql, got, err, want[0])
	}
}

// mayNot runs statements that are refused for want of a right.
func mayNot(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		tx, err := conn.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = tx.Exec(t.Context(), sql)
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "42501" {
			t.Errorf("%s: %v; want it refused for want of a right", sql, err)
		}
	}
}

// tables are all of ours.
func tables(db *storetest.DB) []string {
	return storetest.All[string](db, "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'tagexec'::regnamespace AND relkind IN ('r', 'v', 'm') ORDER BY 1")
}

// functionsBut are calls of all our functions without those named.
func functionsBut(db *storetest.DB, but ...string) []string {
	return storetest.All[string](db, `
SELECT format('SELECT tagexec.%I(%s)', proname, (SELECT string_agg(format('NULL::%s', format_type(t, NULL)), ', ') FROM unnest(proargtypes) t))
  FROM pg_proc WHERE pronamespace = 'tagexec'::regnamespace AND prorettype <> 'trigger'::regtype AND proname <> ALL ($1) ORDER BY 1`, but)
}

// Nobody but the owner can do any of this.
var neverPermitted = []string{
	"UPDATE tagexec.tag_jobs SET payload = '{}'", "UPDATE tagexec.tag_jobs SET tag = 'x'", "UPDATE tagexec.tag_jobs SET created_by = 'x'",
	"UPDATE tagexec.tag_jobs SET retry_request = '{}'", "UPDATE tagexec.tag_jobs SET cancel_requested_at = now()", "UPDATE tagexec.tag_jobs SET max_attempts = 99",
	"DELETE FROM tagexec.tag_jobs", "TRUNCATE tagexec.tag_jobs", "LOCK TABLE tagexec.tag_jobs", "LOCK TABLE tagexec.tag_jobs IN ROW EXCLUSIVE MODE",
	"INSERT INTO tagexec.tag_jobs (tag, state) VALUES ('t', 'succeeded')",
	"INSERT INTO tagexec.tag_jobs (tag, created_by) VALUES ('t', 'somebody')",
	"INSERT INTO tagexec.tag_jobs (tag, created_at) VALUES ('t', now())",
	"INSERT INTO tagexec.tag_jobs (tag, attempt) VALUES ('t', 1)",
	"INSERT INTO tagexec.tag_jobs (tag, failures) VALUES ('t', 1)",
	"INSERT INTO tagexec.tag_jobs (tag, id) OVERRIDING SYSTEM VALUE VALUES ('t', 1)",
	"INSERT INTO tagexec.tag_jobs (tag, executor_id) VALUES ('t', gen_random_uuid())",
	"INSERT INTO tagexec.tag_jobs (tag, result) VALUES ('t', '{}')",
	"INSERT INTO tagexec.tag_jobs (tag, retry_request) VALUES ('t', '{}')",
	"INSERT INTO tagexec.tag_jobs OVERRIDING SYSTEM VALUE SELECT * FROM tagexec.tag_jobs",
	"INSERT INTO tagexec.tag_jobs (tag, dedupe_key) VALUES ('t', 'd') ON CONFLICT (dedupe_key) WHERE dedupe_key IS NOT NULL DO UPDATE SET payload = '{}'",
	"INSERT INTO tagexec.tag_batches (batch) VALUES ('x')", "UPDATE tagexec.tag_batches SET dag_id = 'x'", "DELETE FROM tagexec.tag_batches",
	"INSERT INTO tagexec.tag_pools (pool) VALUES ('x')", "UPDATE tagexec.tag_pools SET pool = 'x'", "DELETE FROM tagexec.tag_pools",
	"UPDATE tagexec.tag_job_attempts SET outcome = 'lost'", "DELETE FROM tagexec.tag_job_attempts",
	"INSERT INTO tagexec.tag_operator_actions (action) VALUES ('x')", "UPDATE tagexec.tag_operator_actions SET reason = 'x'", "DELETE FROM tagexec.tag_operator_actions",
	"UPDATE tagexec.tag_kinds SET kind = 'x'", "DELETE FROM tagexec.tag_kinds", "DELETE FROM tagexec.tag_executors",
	"INSERT INTO tagexec.schema_versions VALUES (99, 99)",
	"CREATE TABLE tagexec.mine ()", "ALTER TABLE tagexec.tag_jobs DISABLE TRIGGER ALL", "DROP TRIGGER check_new_jobs ON tagexec.tag_jobs",
	"CREATE TRIGGER mine AFTER INSERT ON tagexec.tag_jobs EXECUTE FUNCTION tagexec.refuse_change()",
	"SELECT setval('tagexec.tag_jobs_id_seq', 1)",
	"SET SESSION AUTHORIZATION postgres", "SET ROLE postgres",
}

func TestAProducerMayInsertAndNothingElse(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	name, u := login(t, db, "tagexec_producer")
	conn := dial(t, u)
	may(t, conn, "INSERT INTO tagexec.tag_jobs (tag, payload) VALUES ('t', '{}')")
	may(t, conn, "INSERT INTO tagexec.tag_jobs (tag) VALUES ('t') RETURNING (id > 0)::text", "true")
	may(t, conn, `INSERT INTO tagexec.tag_jobs (tag, kind, payload, batch, biz_date, dedupe_key, pool, slots, priority, mutex_key, run_at, timeout_seconds, max_attempts)
		VALUES ('t', 'http', '{}', 'b', '2026-11-22', 'd', 'default', 2, 9, 'm', now(), 60, 5) RETURNING batch || dedupe_key`, "bd")
	may(t, conn, "INSERT INTO tagexec.tag_jobs (tag, dedupe_key) VALUES ('t', 'd') ON CONFLICT DO NOTHING")
	may(t, conn, "INSERT INTO tagexec.tag_jobs (tag, dedupe_key) VALUES ('t', 'd') ON CONFLICT (dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING")
	may(t, conn, "INSERT INTO tagexec.tag_jobs (tag, batch) SELECT 't', 'c' FROM generate_series(1, 3)")
	if _, err := conn.PgConn().CopyFrom(t.Context(), strings.NewReader("t\t{}\tcopied\n"), "COPY tagexec.tag_jobs (tag, payload, batch) FROM STDIN"); err != nil {
		t.Error(err)
	}
	may(t, conn, "SELECT count(id)::text FROM tagexec.tag_jobs WHERE batch IS NOT NULL OR dedupe_key IS NULL", "7")
	may(t, conn, `SELECT tagexec.submit_jobs('s', '[{"tag": "t"}]', '{"dag_id": "d"}', 'rerun_all')::text`, `{"batch": "s", "existing": 0, "inserted": 1, "requeued": 0}`)
	may(t, conn, "SELECT tagexec.batch_settled('s')::text", "false")
	may(t, conn, "SELECT tagexec.cancel_batch('s', 'r')::text", "1")
	db.Exec("UPDATE tagexec.tag_jobs SET state = 'succeeded', finished_at = now() WHERE batch = 'c'")
	db.Allow("last_outcome")
	may(t, conn, "SELECT tagexec.assert_batch_ok('c')", "3 of 3 jobs succeeded")
	check(t, "created_by", storetest.All[string](db, "SELECT DISTINCT created_by::text FROM tagexec.tag_jobs UNION SELECT created_by FROM tagexec.tag_batches UNION SELECT by FROM tagexec.tag_operator_actions"), "["+name+"]")

	// A wrong row is refused with the same words as anybody's.
	_, err := conn.Exec(t.Context(), "INSERT INTO tagexec.tag_jobs (tag, pool) VALUES ('t', 'nowhere')")
	if pg := pgError(t, err); pg.Code != "23503" || pg.Message != `unknown pool "nowhere"; existing pools: default` {
		t.Errorf("unknown pool: %s %s", pg.Code, pg.Message)
	}

	mayNot(t, conn, neverPermitted...)
	mayNot(t, conn,
		"SELECT payload FROM tagexec.tag_jobs", "SELECT * FROM tagexec.tag_jobs", "SELECT state FROM tagexec.tag_jobs", "SELECT result FROM tagexec.tag_jobs",
		"INSERT INTO tagexec.tag_jobs (tag) VALUES ('t') RETURNING payload", "INSERT INTO tagexec.tag_jobs (tag) VALUES ('t') RETURNING *",
		"SELECT id FROM tagexec.tag_jobs FOR UPDATE", "SELECT id FROM tagexec.tag_jobs FOR KEY SHARE", "UPDATE tagexec.tag_jobs SET state = 'pending'",
		"LOCK TABLE tagexec.tag_jobs IN SHARE MODE", "COPY tagexec.tag_jobs TO STDOUT", "UPDATE tagexec.tag_pools SET slots = 1",
		"INSERT INTO tagexec.tag_kinds VALUES ('x')", "SET ROLE tagexec_executor", "SET ROLE tagexec_operator")
	for _, table := range tables(db) {
		if table != "tagexec.tag_jobs" && table != "tagexec.schema_versions" {
			mayNot(t, conn, "SELECT FROM "+table)
		}
	}
	mayNot(t, conn, functionsBut(db, "submit_jobs", "batch_settled", "assert_batch_ok", "cancel_batch")...)
}

func TestAnOperatorMayCallItsFunctionsAndChangePools(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	name, u := login(t, db, "tagexec_operator")
	conn := dial(t, u)
	id := fmt.Sprint(db.Insert(storetest.Row{"batch": "b"})[0])
	may(t, conn, "SELECT tagexec.explain_job("+id+")", "no live executor for kind sql and pool default")
	may(t, conn, "SELECT tagexec.cancel_job("+id+")::text", "true")
	may(t, conn, "SELECT tagexec.retry_job("+id+")::text", "true")
	may(t, conn, "SELECT tagexec.cancel_batch('b')::text", "1")
	may(t, conn, "SELECT tagexec.retry_batch('b')::text", "1")
	may(t, conn, "UPDATE tagexec.tag_pools SET slots = 5, paused = true, description = 'd' WHERE pool = 'default'")
	may(t, conn, "SELECT slots::text FROM tagexec.tag_pools", "5")
	check(t, "on record", storetest.All[string](db, "SELECT action FROM tagexec.tag_operator_actions WHERE by = $1 ORDER BY id", name), "[cancel_job retry_job cancel_batch retry_batch change_pool]")
	mayNot(t, conn, neverPermitted...)
	mayNot(t, conn, "INSERT INTO tagexec.tag_jobs (tag) VALUES ('t')", "UPDATE tagexec.tag_jobs SET state = 'pending'", "SELECT id FROM tagexec.tag_jobs",
		"INSERT INTO tagexec.tag_kinds VALUES ('x')", "SET ROLE tagexec_executor")
	for _, table := range tables(db) {
		if table != "tagexec.tag_pools" && table != "tagexec.schema_versions" {
			mayNot(t, conn, "SELECT FROM "+table)
		}
	}
	mayNot(t, conn, functionsBut(db, "explain_job", "cancel_job", "retry_job", "cancel_batch", "retry_batch")...)
}

func TestAnAnalystAndAStrangerMayReadNoTable(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Insert(storetest.Row{})
	for _, group := range []string{"tagexec_analyst", ""} {
		_, u := login(t, db, group)
		conn := dial(t, u)
		mayNot(t, conn, neverPermitted...)
		for _, table := range tables(db) {
			mayNot(t, conn, "SELECT FROM "+table, "INSERT INTO "+table+" DEFAULT VALUES", "LOCK TABLE "+table+" IN ACCESS SHARE MODE")
		}
		mayNot(t, conn, functionsBut(db)...)
	}
}

// Everything that serve and run do, under a login that is only an executor.
func TestAnExecutorsLoginSufficesForAllItsVerbs(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	_, u := login(t, db, "tagexec_executor")
	s, err := store.Open(u, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.CheckSchema(ctx))
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('four', 4)")
	register := func() uuid.UUID {
		id := uuid.New()
		must(s.Register(ctx, store.Executor{ID: id, Hostname: "h", PID: 1, Version: "v", Workers: 4, Kinds: []string{"sql", "mine"}, Lease: time.Hour}))
		return id
	}
	id := register()
	must(s.Heartbeat(ctx, id))
	claim := func(want int, config store.QueueConfig) (jobs []store.Job) {
		t.Helper()
		config.Kinds = []string{"sql", "mine"}
		q := s.Queue(config)
		jobs, err := q.Claim(ctx, id, 10)
		must(err)
		if len(jobs) < want {
			suspects, err := q.ClaimSuspect(ctx, id)
			must(err)
			jobs = append(jobs, suspects...)
		}
		check(t, "claimed", len(jobs), want)
		return jobs
	}
	record := func(outcome string, jobs ...store.Job) {
		t.Helper()
		var results []store.Result
		for _, j := range jobs {
			results = append(results, store.Result{Claim: j.Claim, Outcome: outcome, Output: "o", Result: json.RawMessage("{}")})
		}
		fates, err := s.Record(ctx, "h", results)
		must(err)
		for _, fate := range fates {
			check(t, "fate", fate, store.Applied)
		}
	}
	every := []storetest.Row{{"kind": "mine"}, {"mutex_key": "a"}, {"pool": "four", "slots": 2}, {"pool": "four", "mutex_key": "b"}, {"tag": "suspect", "mutex_key": "c"}}
	for _, batch := range []string{"", "b"} {
		for i := range every {
			if batch != "" {
				every[i]["batch"] = batch
			}
		}
		db.Insert(every...)
		db.Exec("UPDATE tagexec.tag_jobs SET crashes = 2 WHERE tag = 'suspect'")
		jobs := claim(5, store.QueueConfig{Batch: batch})
		running, err := s.Running(ctx, id)
		must(err)
		check(t, "running", len(running), 5)
		record(store.Failed, jobs[0])
		record(store.Succeeded, jobs[1:]...)
	}
	counts, err := s.BatchCounts(ctx, "b")
	must(err)
	check(t, "counts", counts, store.Counts{Total: 5, Succeeded: 4, Pending: 1})
	_, err = s.BatchProblems(ctx, "b", 10)
	must(err)
	db.Exec("DELETE FROM tagexec.tag_jobs")

	// A cancelled job takes the payload of its resubmission, which the executor itself cannot write.
	for _, lost := range []bool{false, true} {
		batch := fmt.Sprint("again ", lost)
		_, err = s.Submit(ctx, batch, json.RawMessage(`[{"tag": "t", "payload": {"n": 1}}]`), nil, "rerun_all")
		must(err)
		job := claim(1, store.QueueConfig{})[0]
		db.Exec("SELECT tagexec.cancel_batch($1)", batch)
		_, err = s.Submit(ctx, batch, json.RawMessage(`[{"tag": "t", "payload": {"n": 2}}]`), nil, "rerun_all")
		must(err)
		if lost {
			expire(db, id)
			reaped, err := s.Reap(ctx, time.Hour)
			must(err)
			check(t, "reaped", reaped.Jobs, 1)
			id = register()
		} else {
			record(store.Cancelled, job)
		}
		check(t, "the job", storetest.One[string](db, "SELECT concat_ws(' ', state, payload, retry_request) FROM tagexec.tag_jobs WHERE batch = $1", batch), `pending {"n": 2}`)
		record(store.Succeeded, claim(1, store.QueueConfig{})...)
	}
	must(s.Stop(ctx, id))
	if _, err := s.Prune(ctx, time.Hour); pgError(t, err).Code != "42501" {
		t.Errorf("prune: %v", err)
	}

	conn := dial(t, u)
	mayNot(t, conn, neverPermitted...)
	mayNot(t, conn, "INSERT INTO tagexec.tag_jobs (tag) VALUES ('t')", "UPDATE tagexec.tag_pools SET slots = 1", "UPDATE tagexec.tag_pools SET paused = true",
		"UPDATE tagexec.tag_jobs SET pool = 'default'", "UPDATE tagexec.tag_jobs SET priority = 9", "UPDATE tagexec.tag_jobs SET batch = 'x'", "UPDATE tagexec.tag_jobs SET kind = 'sql'",
		"SET ROLE tagexec_operator")
	mayNot(t, conn, functionsBut(db, "submit_jobs", "batch_settled", "assert_batch_ok", "resubmit_cancelled")...)
	may(t, conn, "SELECT tagexec.resubmit_cancelled(array_agg(id))::text FROM tagexec.tag_jobs", "0") // without a request it does nothing
}

// A SQL job runs under its source's login, which is nobody to the queue.
func TestASQLJobCanNeitherReadTheQueueNorBecomeTheExecutor(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	executorLogin, executorURL := login(t, db, "tagexec_executor")
	dial(t, executorURL)
	name, u := login(t, db, "")
	sql, err := runner.NewSQL(t.Context(), map[string]string{"source": u}, runner.SQLOptions{PoolSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sql.Close)
	run := func(statements ...string) (string, error) {
		list := make([]object, len(statements))
		for i, s := range statements {
			list[i] = object{"statement": s}
		}
		out, err := sql.Run(t.Context(), store.Job{Kind: "sql", Payload: asJSON(object{"statements": list})})
		return string(out.Result), err
	}
	itself := func(when string) {
		t.Helper()
		who, err := run("SELECT session_user AS login, current_user AS role")
		if want := fmt.Sprintf(`{"login":"%s","role":"%[1]s"}`, name); err != nil || who != want {
			t.Fatalf("%s it is %s, %v; want %s", when, who, err, want)
		}
	}
	itself("at first")
	attacks := [][]string{
		{"SELECT * FROM tagexec.tag_jobs"}, {"INSERT INTO tagexec.tag_jobs (tag) VALUES ('t')"}, {"DELETE FROM tagexec.tag_jobs"},
		{`SELECT tagexec.submit_jobs('b', '[{"tag": "t"}]')`}, {"SELECT tagexec.cancel_job(1)"},
		{"DO $$ BEGIN EXECUTE 'COMMIT'; PERFORM FROM tagexec.tag_jobs; END $$"}, {"DO $$ BEGIN COMMIT; SET ROLE tagexec_executor; END $$"},
		{"SELECT pg_read_file('/etc/passwd')"}, {"COPY (SELECT 1) TO PROGRAM 'cat'"}, {"CREATE ROLE mine SUPERUSER"}, {"CREATE EXTENSION dblink"},
		{"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '" + executorLogin + "'"},
	}
	for _, role := range []string{executorLogin, "tagexec_executor", "tagexec_operator", "postgres"} {
		attacks = append(attacks,
			[]string{"SET ROLE " + role}, []string{"SET LOCAL ROLE " + role, "SELECT * FROM tagexec.tag_jobs"},
			[]string{"SELECT set_config('role', '" + role + "', false)"}, []string{"SELECT set_config('role', '" + role + "', true)"},
			[]string{"SET SESSION AUTHORIZATION " + role}, []string{"SELECT set_config('session_authorization', '" + role + "', false)"},
			[]string{"GRANT " + role + " TO current_user"})
	}
	for _, reset := range []string{"RESET ROLE", "RESET SESSION AUTHORIZATION", "SET ROLE NONE", "SELECT set_config('role', 'none', false)"} {
		attacks = append(attacks, []string{reset, "SELECT * FROM tagexec.tag_jobs"})
	}
	for _, relation := range storetest.All[string](db, "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'v', 'm', 'p', 'S') AND relnamespace::regnamespace::text IN ('tagexec', 'tagreport') ORDER BY 1") {
		attacks = append(attacks, []string{"SELECT * FROM " + relation}, []string{"COPY " + relation + " TO STDOUT"})
	}
	for _, sql := range append(functionsBut(db), neverPermitted...) {
		attacks = append(attacks, []string{sql})
	}
	for _, attack := range attacks {
		_, err := run(attack...)
		var failure *executor.Failure
		if !errors.As(err, &failure) || failure.Code != "42501" && !strings.Contains(attack[0], "COMMIT") {
			t.Errorf("%s: %v; want it refused for want of a right", strings.Join(attack, "; "), err)
		}
	}
	itself("in the end")
	check(t, "jobs", storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_jobs"), 0)
}

// The functions run with the rights of the owner, and must find only what they
// name, whatever the caller puts in their way.
func TestNothingOfTheCallersGetsIntoTheFunctions(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	name, u := login(t, db, "tagexec_producer, tagexec_operator")
	db.Exec("CREATE SCHEMA evil AUTHORIZATION " + name)
	t.Cleanup(func() {
		if _, err := db.Pool.Exec(context.Background(), "DROP OWNED BY "+name); err != nil {
			t.Error(err)
		}
	})
	conn := dial(t, u)
	for _, sql := range []string{
		"CREATE TABLE evil.calls (who name)", "GRANT INSERT ON evil.calls TO PUBLIC", "GRANT USAGE ON SCHEMA evil TO PUBLIC",
		// Better matches than the system's own for the calls in our functions.
		"CREATE FUNCTION evil.hashtextextended(text, integer) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN INSERT INTO evil.calls VALUES (current_user); RETURN 1; END'",
		"CREATE FUNCTION evil.format(text, text) RETURNS text LANGUAGE plpgsql AS 'BEGIN INSERT INTO evil.calls VALUES (current_user); RETURN 1; END'",
		"CREATE FUNCTION evil.jsonb_array_length(jsonb) RETURNS integer LANGUAGE plpgsql AS 'BEGIN INSERT INTO evil.calls VALUES (current_user); RETURN 1; END'",
		"CREATE FUNCTION evil.date_trunc(text, timestamptz) RETURNS timestamptz LANGUAGE plpgsql AS 'BEGIN INSERT INTO evil.calls VALUES (current_user); RETURN now(); END'",
		"CREATE FUNCTION evil.catch(text, text) RETURNS text LANGUAGE plpgsql AS 'BEGIN INSERT INTO evil.calls VALUES (current_user); RETURN 1; END'",
		"CREATE OPERATOR evil.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.catch)",
		"CREATE TEMP TABLE tag_jobs (id bigint, tag text, kind text, batch text, state text)", "CREATE TEMP TABLE tag_pools (pool text)", "CREATE TEMP TABLE tag_kinds (kind text)",
		"CREATE TEMP TABLE new_rows (batch text, kind text, pool text, slots integer, payload jsonb)",
		"INSERT INTO pg_temp.new_rows VALUES ('forged', 'sql', 'default', 1, '{}')",
		"CREATE TEMP TABLE locked (id bigint, state text)", "CREATE TEMP TABLE pg_roles (rolname name)",
		"SET search_path = pg_temp, evil, tagexec, pg_catalog",
	} {
		may(t, conn, sql)
	}
	may(t, conn, "INSERT INTO tagexec.tag_jobs (tag, batch) VALUES ('t', 'real')")
	may(t, conn, `SELECT tagexec.submit_jobs('s', '[{"tag": "t"}]')::text`, `{"batch": "s", "existing": 0, "inserted": 1, "requeued": 0}`)
	for _, call := range []string{"batch_settled('s')", "cancel_batch('s', 'r')", "retry_batch('s')", "cancel_batch('s', 'r')"} {
		may(t, conn, "SELECT tagexec."+call)
	}
	may(t, conn, "SELECT tagexec.retry_job((SELECT max(id) FROM tagexec.tag_jobs))::text", "true")
	may(t, conn, "SELECT tagexec.cancel_job((SELECT max(id) FROM tagexec.tag_jobs))::text", "true")
	may(t, conn, "SELECT tagexec.explain_job((SELECT max(id) FROM tagexec.tag_jobs)) LIKE 'cancelled at %' OR NULL")
	may(t, conn, "UPDATE tagexec.tag_pools SET slots = 3")
	_, err := conn.Exec(t.Context(), "SELECT tagexec.assert_batch_ok('s')")
	if pg := pgError(t, err); pg.Code != "P0001" {
		t.Errorf("assert_batch_ok: %s %s", pg.Code, pg.Message)
	}
	check(t, "calls of the caller's functions", storetest.All[string](db, "SELECT who::text FROM evil.calls"), "[]")
	check(t, "batches", storetest.All[string](db, "SELECT batch FROM tagexec.tag_batches ORDER BY 1"), "[real s]")
	for _, f := range storetest.All[string](db, `SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'tagexec'::regnamespace
		AND (prosecdef AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false) OR proacl IS NULL OR EXISTS (SELECT FROM aclexplode(proacl) WHERE grantee = 0))`) {
		t.Errorf("%s runs with the owner's rights and the caller's search_path, or anybody may call it", f)
	}
}

// On a server where nobody has migrated before, by a user who may make no roles.
func TestAnOwnerWhoMayMakeNoRolesMigratesAllTheSame(t *testing.T) {
	t.Parallel()
	pg, err := devpg.Start(t.Context(), devpg.Options{Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Stop(); err != nil {
			t.Error(err)
		}
	})
	admin := dial(t, pg.URL("postgres"))
	may(t, admin, "CREATE ROLE owner LOGIN PASSWORD 'x'")
	may(t, admin, "CREATE DATABASE queue OWNER owner")
	u := as(t, pg.URL("queue"), "owner")
	var notices []string
	if applied, err := migrations.Up(t.Context(), u, func(notice string) { notices = append(notices, notice) }); err != nil || len(applied) != store.SchemaVersion {
		t.Fatalf("applied %q, %v", applied, err)
	}
	if len(notices) != 4 || notices[0] != "role tagexec_producer was not created: owner may not. An administrator can CREATE ROLE tagexec_producer NOLOGIN; then the owner calls tagexec.grant_roles()." {
		t.Errorf("notices %q", notices)
	}
	may(t, admin, "SELECT count(*)::text FROM pg_roles WHERE rolname LIKE 'tagexec%'", "0")
	may(t, admin, "CREATE ROLE tagexec_producer NOLOGIN")
	may(t, admin, "CREATE ROLE producer LOGIN PASSWORD 'x' IN ROLE tagexec_producer")
	owner, producer := dial(t, u), dial(t, as(t, pg.URL("queue"), "producer"))
	mayNot(t, producer, "INSERT INTO tagexec.tag_jobs (tag) VALUES ('t')")
	may(t, owner, "SELECT tagexec.grant_roles()")
	may(t, producer, "INSERT INTO tagexec.tag_jobs (tag) VALUES ('t')")
	may(t, producer, "SELECT count(*)::text FROM tagreport.jobs", "1")
	mayNot(t, producer, "SELECT tagexec.grant_roles()")
	if undone, err := migrations.Down(t.Context(), u, true); err != nil || len(undone) != store.SchemaVersion {
		t.Errorf("took back %q, %v", undone, err)
	}
	may(t, admin, "DROP ROLE tagexec_producer") // nothing of ours is left that needs it
}
