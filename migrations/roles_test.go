package migrations_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/storetest"
)

// tables are all of ours.
func tables(db *storetest.DB) []string {
	return storetest.All[string](db, "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'tagexec'::regnamespace AND relkind IN ('r', 'v', 'm') ORDER BY 1")
}

// forAll are the tables that anybody may read who may use the schema.
var forAll = map[string]bool{"tagexec.schema_versions": true, "tagexec.role_rights": true}

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
	"UPDATE tagexec.tag_pools SET pool = 'x'", "DELETE FROM tagexec.tag_pools",
	"UPDATE tagexec.tag_past_attempts SET outcome = 'lost'", "DELETE FROM tagexec.tag_past_attempts",
	"INSERT INTO tagexec.tag_operator_actions (action) VALUES ('x')", "UPDATE tagexec.tag_operator_actions SET reason = 'x'", "DELETE FROM tagexec.tag_operator_actions",
	"UPDATE tagexec.tag_kinds SET kind = 'x'", "DELETE FROM tagexec.tag_kinds", "DELETE FROM tagexec.tag_executors",
	"INSERT INTO tagexec.schema_versions VALUES (99, 99)",
	"CREATE TABLE tagexec.mine ()", "ALTER TABLE tagexec.tag_jobs DISABLE TRIGGER ALL", "DROP TRIGGER check_new_jobs ON tagexec.tag_jobs",
	"CREATE TRIGGER mine AFTER INSERT ON tagexec.tag_jobs EXECUTE FUNCTION tagexec.refuse_change()",
	"SELECT setval('tagexec.tag_jobs_id_seq', 1)",
	"SET SESSION AUTHORIZATION postgres", "SET ROLE postgres",
}

func TestRolesLetAProducerInsertAndNothingElse(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	name, u := db.Login("tagexec_producer")
	conn := storetest.Dial(t, u)
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
	storetest.Check(t, "created_by", storetest.All[string](db, "SELECT DISTINCT created_by::text FROM tagexec.tag_jobs UNION SELECT created_by FROM tagexec.tag_batches UNION SELECT by FROM tagexec.tag_operator_actions"), "["+name+"]")

	// A wrong row is refused with the same words as anybody's.
	_, err := conn.Exec(t.Context(), "INSERT INTO tagexec.tag_jobs (tag, pool) VALUES ('t', 'nowhere')")
	if pg := storetest.PgError(t, err); pg.Code != "23503" || pg.Message != `unknown pool "nowhere"; existing pools: default` {
		t.Errorf("unknown pool: %s %s", pg.Code, pg.Message)
	}

	mayNot(t, conn, neverPermitted...)
	mayNot(t, conn,
		"SELECT payload FROM tagexec.tag_jobs", "SELECT * FROM tagexec.tag_jobs", "SELECT state FROM tagexec.tag_jobs", "SELECT result FROM tagexec.tag_jobs",
		"INSERT INTO tagexec.tag_jobs (tag) VALUES ('t') RETURNING payload", "INSERT INTO tagexec.tag_jobs (tag) VALUES ('t') RETURNING *",
		"SELECT id FROM tagexec.tag_jobs FOR UPDATE", "SELECT id FROM tagexec.tag_jobs FOR KEY SHARE", "UPDATE tagexec.tag_jobs SET state = 'pending'",
		"LOCK TABLE tagexec.tag_jobs IN SHARE MODE", "COPY tagexec.tag_jobs TO STDOUT", "UPDATE tagexec.tag_pools SET slots = 1",
		"INSERT INTO tagexec.tag_pools (pool) VALUES ('x')", "INSERT INTO tagexec.tag_kinds VALUES ('x')", "SET ROLE tagexec_executor", "SET ROLE tagexec_operator")
	for _, table := range tables(db) {
		if table != "tagexec.tag_jobs" && !forAll[table] {
			mayNot(t, conn, "SELECT FROM "+table)
		}
	}
	mayNot(t, conn, functionsBut(db, "submit_jobs", "batch_settled", "assert_batch_ok", "cancel_batch", "explain_job", "explain_batch")...)
}

func TestRolesLetAnOperatorCallItsFunctionsAndChangePools(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	name, u := db.Login("tagexec_operator")
	conn := storetest.Dial(t, u)
	id := fmt.Sprint(db.Insert(storetest.Row{"batch": "b"})[0])
	may(t, conn, "SELECT tagexec.explain_job("+id+")", "no live executor for kind sql and pool default")
	may(t, conn, "SELECT tagexec.cancel_job("+id+")::text", "true")
	may(t, conn, "SELECT tagexec.retry_job("+id+")::text", "true")
	may(t, conn, "SELECT tagexec.cancel_batch('b')::text", "1")
	may(t, conn, "SELECT tagexec.retry_batch('b')::text", "1")
	may(t, conn, "SELECT tagexec.cancel_jobs('{"+id+"}')::text", "1")
	may(t, conn, "SELECT tagexec.retry_jobs('{"+id+"}')::text", "1")
	may(t, conn, "SELECT tagexec.set_batch_priority('b', 9)::text", "1")
	may(t, conn, "SELECT tagexec.drain_executor('"+db.Executor().String()+"')::text", "true")
	may(t, conn, "UPDATE tagexec.tag_pools SET slots = 5, paused = true, description = 'd' WHERE pool = 'default'")
	may(t, conn, "SELECT slots::text FROM tagexec.tag_pools", "5")
	may(t, conn, "INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('w', 2)")
	may(t, conn, "SELECT payload::text FROM tagexec.tag_jobs", "{}")
	storetest.Check(t, "on record", storetest.All[string](db, "SELECT action FROM tagexec.tag_operator_actions WHERE by = $1 ORDER BY id", name), "[cancel_job retry_job cancel_batch retry_batch cancel_jobs retry_jobs set_batch_priority drain_executor change_pool create_pool]")
	mayNot(t, conn, neverPermitted...)
	mayNot(t, conn, "INSERT INTO tagexec.tag_jobs (tag) VALUES ('t')", "UPDATE tagexec.tag_jobs SET state = 'pending'", "SELECT FROM tagexec.tag_jobs FOR KEY SHARE",
		"INSERT INTO tagexec.tag_kinds VALUES ('x')", "SET ROLE tagexec_executor")
	mayNot(t, conn, functionsBut(db, "explain_job", "explain_batch", "cancel_job", "retry_job", "cancel_jobs", "retry_jobs", "cancel_batch", "retry_batch", "set_batch_priority", "drain_executor", "watch_output", "live_output")...)
}

func TestRolesLetAViewerAnAnalystAndAStrangerChangeNothing(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Insert(storetest.Row{})
	reads := map[string]bool{"tagexec.tag_jobs": true, "tagexec.tag_job_attempts": true}
	for _, group := range []string{"tagexec_viewer", "tagexec_analyst", ""} {
		_, u := db.Login(group)
		conn := storetest.Dial(t, u)
		mayNot(t, conn, neverPermitted...)
		for _, table := range tables(db) {
			if table != "tagexec.role_rights" && table != "tagexec.tag_job_attempts" && table != "tagexec.attempts" { // into which nobody can insert
				mayNot(t, conn, "INSERT INTO "+table+" DEFAULT VALUES")
			}
			mayNot(t, conn, "SELECT FROM "+table+" FOR KEY SHARE", "LOCK TABLE "+table+" IN ROW EXCLUSIVE MODE")
			if group == "" || !forAll[table] && (group == "tagexec_analyst" || !reads[table]) {
				mayNot(t, conn, "SELECT FROM "+table, "LOCK TABLE "+table+" IN ACCESS SHARE MODE")
			}
		}
		if group == "" {
			mayNot(t, conn, functionsBut(db)...)
			continue
		}
		calls := []string{"explain_job", "explain_batch"}
		if group == "tagexec_viewer" {
			calls = append(calls, "watch_output", "live_output")
			may(t, conn, "SELECT tagexec.watch_output(1)::text", "false")
			may(t, conn, "SELECT count(*)::text FROM tagexec.live_output(1, 0, 0)", "0")
		}
		mayNot(t, conn, functionsBut(db, calls...)...)
		may(t, conn, "SELECT tagexec.explain_job(1)", "no live executor for kind sql and pool default")
	}
}

// The functions run with the rights of the owner, and must find only what they
// name, whatever the caller puts in their way.
func TestRolesLetNothingOfTheCallersIntoTheFunctions(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	name, u := db.Login("tagexec_producer, tagexec_operator")
	db.Exec("CREATE SCHEMA evil AUTHORIZATION " + name)
	t.Cleanup(func() {
		if _, err := db.Pool.Exec(context.Background(), "DROP OWNED BY "+name); err != nil {
			t.Error(err)
		}
	})
	conn := storetest.Dial(t, u)
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
	if pg := storetest.PgError(t, err); pg.Code != "P0001" {
		t.Errorf("assert_batch_ok: %s %s", pg.Code, pg.Message)
	}
	storetest.Check(t, "calls of the caller's functions", storetest.All[string](db, "SELECT who::text FROM evil.calls"), "[]")
	storetest.Check(t, "batches", storetest.All[string](db, "SELECT batch FROM tagexec.tag_batches ORDER BY 1"), "[real s]")
	for _, f := range storetest.All[string](db, `SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'tagexec'::regnamespace
		AND (prosecdef AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false) OR proacl IS NULL OR EXISTS (SELECT FROM aclexplode(proacl) WHERE grantee = 0))`) {
		t.Errorf("%s runs with the owner's rights and the caller's search_path, or anybody may call it", f)
	}
}

// On a server where nobody has migrated before, by a user who may make no roles.
func TestRolesAreNotNeededToMigrate(t *testing.T) {
	t.Parallel()
	pg := storetest.OwnServer(t, nil)
	admin := storetest.Dial(t, pg.URL("postgres"))
	may(t, admin, "CREATE ROLE owner LOGIN PASSWORD 'x'")
	may(t, admin, "CREATE DATABASE queue OWNER owner")
	u := storetest.As(t, pg.URL("queue"), "owner")
	var notices []string
	if applied, err := migrations.Up(t.Context(), u, func(notice string) { notices = append(notices, notice) }); err != nil || len(applied) == 0 {
		t.Fatalf("applied %q, %v", applied, err)
	}
	if len(notices) != 5 || notices[0] != "role tagexec_producer was not created: owner may not. An administrator can CREATE ROLE tagexec_producer NOLOGIN; then the owner calls tagexec.grant_roles()." {
		t.Errorf("notices %q", notices)
	}
	may(t, admin, "SELECT count(*)::text FROM pg_roles WHERE rolname LIKE 'tagexec%'", "0")
	may(t, admin, "CREATE ROLE tagexec_producer NOLOGIN")
	may(t, admin, "CREATE ROLE producer LOGIN PASSWORD 'x' IN ROLE tagexec_producer")
	owner, producer := storetest.Dial(t, u), storetest.Dial(t, storetest.As(t, pg.URL("queue"), "producer"))
	mayNot(t, producer, "INSERT INTO tagexec.tag_jobs (tag) VALUES ('t')")
	may(t, owner, "SELECT tagexec.grant_roles()")
	may(t, producer, "INSERT INTO tagexec.tag_jobs (tag) VALUES ('t')")
	may(t, producer, "SELECT count(*)::text FROM tagreport.jobs", "1")
	mayNot(t, producer, "SELECT tagexec.grant_roles()")
	if undone, err := migrations.Down(t.Context(), u, true); err != nil || len(undone) == 0 {
		t.Errorf("took back %q, %v", undone, err)
	}
	may(t, admin, "DROP ROLE tagexec_producer") // nothing of ours is left that needs it
}
