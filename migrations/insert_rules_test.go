package migrations_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store/storetest"
)

// wrong is a row that CONTRACT section 1 refuses: what is set in a row that is good
// otherwise, the constraint that refuses it, a part of the message.
type wrong struct{ name, set, constraint, message string }

var wrongRows = []wrong{
	{"an unknown kind", "kind = 'spark'", "tag_jobs_kind_is_registered", `unknown kind "spark"; known kinds: command, http, sql`},
	{"an unknown pool", "pool = 'warehous'", "tag_jobs_pool_exists", `unknown pool "warehous"; existing pools: closed, default, small`},
	{"more slots than the pool has", "pool = 'small', slots = 4", "tag_jobs_slots_fit_the_pool", `a job of 4 slots never fits pool "small", which has 3`},
	{"any job in a pool without slots", "pool = 'closed'", "tag_jobs_slots_fit_the_pool", `a job of 1 slot never fits pool "closed", which has 0`},
	{"a payload above 256 kB", "payload = jsonb_build_object('a', repeat('x', 262144))", "tag_jobs_payload_has_at_most_256_kb", "a payload of 262153 bytes is too large"},
	{"a payload that is large only as text", "payload = jsonb_build_object('a', ARRAY[1e131071, 1e131071])", "tag_jobs_payload_has_at_most_256_kb", "is too large"},
	{"run_at infinity", "run_at = 'infinity'", "tag_jobs_run_at_is_finite", ""},
	{"an unknown state", "state = 'done'", "tag_jobs_state_is_known", ""},
	{"a dedupe key that is taken", "dedupe_key = 'taken'", "tag_jobs_dedupe_key_is_unique", ""},
	{"an array as payload", `payload = '[{"a": 1}]'`, "tag_jobs_payload_is_an_object", ""},
	{"a string as payload", `payload = '"x"'`, "tag_jobs_payload_is_an_object", ""},
	{"a JSON null as payload", `payload = 'null'`, "tag_jobs_payload_is_an_object", ""},
	{"a mutex key of 501 characters", "mutex_key = repeat('ü', 501)", "tag_jobs_mutex_key_has_1_to_500_characters", ""},
	{"an empty mutex key", "mutex_key = ''", "tag_jobs_mutex_key_has_1_to_500_characters", ""},
}

// ruleBreakers are those that break a rule about one row alone which is no CHECK.
var ruleBreakers = []wrong{
	{"a priority above 9", "priority = 10", "tag_jobs_priority_from_0_to_9", `priority is 10`},
	{"a priority below 0", "priority = -1", "tag_jobs_priority_from_0_to_9", `priority is -1`},
	{"an empty tag", "tag = ''", "tag_jobs_tag_has_1_to_200_characters", `tag is ""`},
	{"a tag of 201 characters", "tag = repeat('ü', 201)", "tag_jobs_tag_has_1_to_200_characters", `(tag "üüü`},
	{"no slots", "slots = 0", "tag_jobs_slots_at_least_1", `slots is 0`},
	{"a timeout of 0", "timeout_seconds = 0", "tag_jobs_timeout_seconds_positive", `timeout_seconds is 0`},
	{"no attempts", "max_attempts = 0", "tag_jobs_max_attempts_from_1_to_100", `max_attempts is 0`},
	{"101 attempts", "max_attempts = 101", "tag_jobs_max_attempts_from_1_to_100", `max_attempts is 101`},
	{"an empty batch", "batch = ''", "tag_jobs_batch_has_1_to_500_characters", `batch is ""`},
	{"a batch of 501 characters", "batch = repeat('ü', 501)", "tag_jobs_batch_has_1_to_500_characters", `batch is "üüü`},
	{"a dedupe key of 501 characters", "dedupe_key = repeat('ü', 501)", "tag_jobs_dedupe_key_has_1_to_500_characters", `dedupe_key is "üüü`},
	{"an empty dedupe key", "dedupe_key = ''", "tag_jobs_dedupe_key_has_1_to_500_characters", `dedupe_key is ""`},
	{"biz_date infinity", "biz_date = '-infinity'", "tag_jobs_biz_date_is_finite", `biz_date is "-infinity"`},
}

const producerColumns = "tag, kind, payload, batch, biz_date, dedupe_key, pool, slots, priority, mutex_key, run_at, timeout_seconds, max_attempts, state"

// source holds the wrong row as n = 2 between two good ones, and as literals.
const sourceSQL = `
CREATE TABLE source (n integer, LIKE tagexec.tag_jobs INCLUDING DEFAULTS);
ALTER TABLE source ALTER COLUMN id DROP NOT NULL;
CREATE VIEW literals AS SELECT n, format('(` + "%L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L" + `)', ` + producerColumns + `) AS row FROM source;
INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('small', 3), ('closed', 0);
INSERT INTO tagexec.tag_jobs (tag, dedupe_key) VALUES ('t', 'taken')`

// ways are the ways to insert the wrong row, alone or among good ones.
var ways = []struct{ name, sql string }{
	{"VALUES", "INSERT INTO tagexec.tag_jobs (" + producerColumns + ") VALUES {2}"},
	{"VALUES of several rows", "INSERT INTO tagexec.tag_jobs (" + producerColumns + ") VALUES {1}, {2}, {3}"},
	{"INSERT SELECT", "INSERT INTO tagexec.tag_jobs (" + producerColumns + ") SELECT " + producerColumns + " FROM source ORDER BY n"},
	{"ON CONFLICT DO NOTHING", "INSERT INTO tagexec.tag_jobs (" + producerColumns + ") VALUES {1}, {2}, {3} ON CONFLICT DO NOTHING"},
	{"WITH", "WITH new AS (INSERT INTO tagexec.tag_jobs (" + producerColumns + ") VALUES {2} RETURNING id) SELECT count(*) FROM new"},
}

func TestInsertRefusesAWrongRow(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	exec := func(sql string) error {
		_, err := db.Pool.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
		return err
	}
	if err := exec(sourceSQL); err != nil {
		t.Fatal(err)
	}
	for _, w := range slices.Concat(wrongRows, ruleBreakers) {
		t.Run(w.name, func(t *testing.T) {
			db.Exec("TRUNCATE source")
			db.Exec("INSERT INTO source (n, tag, batch) SELECT n, 't', 'batch ' || n FROM generate_series(1, 3) n")
			db.Exec("UPDATE source SET " + w.set + " WHERE n = 2")
			literals := storetest.All[string](db, "SELECT row FROM literals ORDER BY n")
			for _, way := range ways {
				if w.constraint == "tag_jobs_dedupe_key_is_unique" && way.name == "ON CONFLICT DO NOTHING" {
					continue
				}
				err := exec(strings.NewReplacer("{1}", literals[0], "{2}", literals[1], "{3}", literals[2]).Replace(way.sql))
				checkRefused(t, way.name, err, w.constraint, w.message)
			}
			checkRefused(t, "COPY", copySource(t, db), w.constraint, w.message)
			if n := storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_jobs WHERE dedupe_key IS DISTINCT FROM 'taken'"); n != 0 {
				t.Errorf("%d rows of refused statements stayed behind", n)
			}
			if list := storetest.All[string](db, "SELECT batch FROM tagexec.tag_batches"); len(list) != 0 {
				t.Errorf("batches of refused statements stayed behind: %q", list)
			}
		})
	}
}

// copySource inserts the source's rows by COPY.
func copySource(t *testing.T, db *storetest.DB) error {
	t.Helper()
	conn := db.Conn().PgConn()
	text := new(strings.Builder)
	if _, err := conn.CopyTo(t.Context(), text, "COPY (SELECT "+producerColumns+" FROM source ORDER BY n) TO STDOUT"); err != nil {
		t.Fatal(err)
	}
	_, err := conn.CopyFrom(t.Context(), strings.NewReader(text.String()), "COPY tagexec.tag_jobs ("+producerColumns+") FROM STDIN")
	return err
}

func checkRefused(t *testing.T, way string, err error, constraint, message string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: accepted", way)
		return
	}
	pg := storetest.PgError(t, err)
	if pg.ConstraintName != constraint || !strings.Contains(pg.Message, message) || !strings.HasPrefix(pg.Code, "23") {
		t.Errorf("%s: refused by %q with %s %q, want %q and %q", way, pg.ConstraintName, pg.Code, pg.Message, constraint, message)
	}
}

func TestInsertMeasuresAToastedPayload(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("CREATE TABLE source AS SELECT jsonb_build_object('a', repeat('x', 10000000)) AS payload")
	_, err := db.Pool.Exec(t.Context(), "INSERT INTO tagexec.tag_jobs (tag, payload) SELECT 't', payload FROM source")
	checkRefused(t, "INSERT SELECT", err, "tag_jobs_payload_has_at_most_256_kb", "a payload of 10000009 bytes is too large")
}

func TestInsertAcceptsAGoodRowAtEveryLimit(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for _, row := range []storetest.Row{
		{"tag": strings.Repeat("ü", 200)},
		{"priority": 0}, {"priority": 9}, {"max_attempts": 100}, {"timeout_seconds": 1<<31 - 1}, {"slots": 1<<31 - 1},
		{"payload": `{"a": "` + strings.Repeat("x", 262144-9) + `"}`},
		{"batch": strings.Repeat("b", 500), "dedupe_key": strings.Repeat("d", 500), "mutex_key": strings.Repeat("m", 500)},
		{"batch": `"'\%_` + "\t\n😀", "mutex_key": " ", "dedupe_key": "\\N"},
		{"batch": nil, "dedupe_key": nil, "mutex_key": nil, "biz_date": nil, "timeout_seconds": nil},
	} {
		db.Insert(row)
	}
	if n := storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_batches"); n != 2 {
		t.Errorf("%d batches, want 2", n)
	}
}

func TestInsertRepeatedWithOnConflictDoNothingIsHarmless(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	const sql = "INSERT INTO tagexec.tag_jobs (tag, batch, dedupe_key) SELECT 't', 'b', 'k' || i FROM generate_series(1, 5) i ON CONFLICT DO NOTHING"
	if first, second := db.Exec(sql), db.Exec(sql); first != 5 || second != 0 {
		t.Errorf("inserted %d and %d, want 5 and 0", first, second)
	}
}

func TestInsertSetsCreatedByToTheLoginWhateverTheRole(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	conn := db.Conn()
	role := "forger_" + strings.ReplaceAll(db.Name(), "-", "_")
	exec := func(sql string) error {
		_, err := conn.Exec(t.Context(), sql)
		return err
	}
	for _, sql := range []string{
		"CREATE ROLE " + role,
		"GRANT USAGE ON SCHEMA tagexec TO " + role,
		"GRANT INSERT (tag, kind, payload, batch) ON tagexec.tag_jobs TO " + role,
		"SET ROLE " + role,
		"INSERT INTO tagexec.tag_jobs (tag, batch) VALUES ('t', 'b')",
	} {
		if err := exec(sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	if pg := storetest.PgError(t, exec("INSERT INTO tagexec.tag_jobs (tag, created_by) VALUES ('t', 'boss')")); pg.Code != "42501" {
		t.Errorf("a forged created_by: %v", pg)
	}
	if err := exec("RESET ROLE"); err != nil {
		t.Fatal(err)
	}
	if by := storetest.All[string](db, "SELECT created_by::text FROM tagexec.tag_jobs UNION SELECT created_by::text FROM tagexec.tag_batches"); len(by) != 1 || by[0] != "postgres" {
		t.Errorf("created by %q", by)
	}
	if err := exec("DROP OWNED BY " + role); err != nil {
		t.Error(err)
	}
	if err := exec("DROP ROLE " + role); err != nil {
		t.Error(err)
	}
}
