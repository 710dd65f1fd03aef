package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/store/storetest"
)

// database makes an empty database with a login of its own and returns the
// login's URL and a superuser connection to it.
func database(t testing.TB) (string, *pgx.Conn) {
	t.Helper()
	db := storetest.Empty(t)
	login := db.Name() + "_job"
	super := connect(t, db.URL)
	must(t, super, "CREATE ROLE "+login+" LOGIN PASSWORD 'hush'")
	must(t, super, "ALTER DATABASE "+db.Name()+" OWNER TO "+login)
	u, err := url.Parse(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(login, "hush")
	return u.String(), super
}

func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func must(t testing.TB, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(context.Background(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// value returns the one value of a query as text.
func value(t testing.TB, conn *pgx.Conn, query string) string {
	t.Helper()
	var v string
	if err := conn.QueryRow(context.Background(), "SELECT ("+query+")::text").Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

func newSQL(t testing.TB, sources map[string]string, opt runner.SQLOptions) *runner.SQL {
	t.Helper()
	s, err := runner.NewSQL(context.Background(), sources, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// payload makes a payload of statements without arguments.
func payload(statements ...string) string {
	list := []map[string]string{}
	for _, s := range statements {
		list = append(list, map[string]string{"statement": s})
	}
	text, _ := json.Marshal(map[string]any{"statements": list})
	return string(text)
}

func TestSQLRefusals(t *testing.T) {
	t.Parallel()
	s := newSQL(t, map[string]string{"a": "postgres://u:hush@127.0.0.1:1/x", "b": "postgres://u:hush@127.0.0.1:1/x"}, runner.SQLOptions{})
	tests := []struct {
		name, payload, code string
		permanent           bool
		message             string
	}{
		{"unknown field", `{"statment":"SELECT 1"}`, "bad_payload", true, `payload: unknown field "statment" (known: source, statement, args, params, statements, atomic, traceparent)`},
		{"atomic of a wrong type", `{"statement":"SELECT 1","atomic":"no"}`, "bad_payload", true, "atomic must be a boolean, not a string"},
		{"neither statement", `{"source":"a"}`, "bad_payload", true, "statement is missing (or statements"},
		{"both statements", `{"statement":"SELECT 1","statements":[]}`, "bad_payload", true, "exclude each other"},
		{"args beside statements", `{"statements":[{"statement":"SELECT 1"}],"args":[1]}`, "bad_payload", true, "args and params belong to one statement"},
		{"statements empty", `{"statements":[]}`, "bad_payload", true, "statements is empty"},
		{"statements no array", `{"statements":{"statement":"SELECT 1"}}`, "bad_payload", true, "statements must be an array, not an object"},
		{"element no object", `{"statements":["SELECT 1"]}`, "bad_payload", true, "payload: statements[0]: must be a JSON object, not a string"},
		{"unknown field in an element", `{"statements":[{"statement":"SELECT 1"},{"statement":"SELECT 1","arg":[]}]}`, "bad_payload", true, `payload: statements[1]: unknown field "arg" (known: statement, args, params)`},
		{"element without a statement", `{"statements":[{"args":[]}]}`, "bad_payload", true, "statements[0]: statement is empty"},
		{"statement empty", `{"statement":" \n"}`, "bad_payload", true, "statement is empty"},
		{"statement no string", `{"statement":["SELECT 1"]}`, "bad_payload", true, "statement must be a string, not an array"},
		{"statement with NUL", `{"statement":"SELECT 1\u0000"}`, "bad_payload", true, "NUL"},
		{"args no array", `{"statement":"SELECT $1","args":{"1":2}}`, "bad_payload", true, "args must be an array, not an object"},
		{"source no string", `{"source":1,"statement":"SELECT 1"}`, "bad_payload", true, "source must be a string, not a number"},
		{"input that cannot come", `{"source":"a","statement":"-- load\n/* it */ COPY t FROM\n STDIN"}`, "bad_payload", true, "COPY … FROM STDIN has no input"},
		{"unknown source", `{"source":"warehouse","statement":"SELECT 1"}`, "source_not_allowed", false, `source "warehouse" is not allow-listed on this executor`},
		{"source left out", `{"statement":"SELECT 1"}`, "source_not_allowed", false, "has several: a, b"},
		{"source that is down", `{"source":"a","statement":"SELECT 1"}`, "connection_failed", false, `connecting to source "a": connection refused`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.Run(t.Context(), job(tt.payload))
			wantFailure(t, err, tt.code, tt.permanent, tt.message)
		})
	}
}

func TestNewSQLListsEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := runner.NewSQL(t.Context(), map[string]string{
		"":      "postgres://u@h/d",
		"empty": " ",
		"wrong": "postgres://u:hush hush@h:port/d",
		"file":  "postgres://u:hush@h/d?sslmode=verify-full&sslrootcert=/nowhere/ca.pem",
		"good":  "postgres://u:hush@127.0.0.1:1/d",
	}, runner.SQLOptions{PoolSize: -1})
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{`source "": it has no name`, `source "empty": the URL is empty`, `source "wrong": the URL holds a blank`, "/nowhere/ca.pem", "pool size"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error does not name %s:\n%v", part, err)
		}
	}
	if strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "good") {
		t.Errorf("error says too much:\n%v", err)
	}
	if _, err := runner.NewSQL(t.Context(), nil, runner.SQLOptions{}); err == nil {
		t.Error("no source was accepted")
	}
}

func TestSQLWrongLoginCanBeMended(t *testing.T) {
	t.Parallel()
	good, _ := database(t)
	s := newSQL(t, map[string]string{"x": strings.Replace(good, ":hush@", ":wrong@", 1)}, runner.SQLOptions{})
	_, err := s.Run(t.Context(), job(`{"statement":"SELECT 1"}`))
	wantFailure(t, err, "28P01", false, `connecting to source "x": password authentication failed`)
}

func TestSQLArguments(t *testing.T) {
	t.Parallel()
	source, super := database(t)
	must(t, super, "CREATE TYPE mood AS ENUM ('sad', 'happy')")
	must(t, super, "CREATE DOMAIN positive AS int CHECK (value > 0)")
	s := newSQL(t, map[string]string{"x": source}, runner.SQLOptions{})
	tests := []struct{ name, expression, arg, want string }{
		{"string for a date", "$1::date + 1", `"1997-01-31"`, `"1997-02-01"`},
		{"string for a timestamptz", "extract(epoch FROM $1::timestamptz)", `"1997-01-31T00:00:00Z"`, `854668800.000000`},
		{"string for an interval", "$1::interval", `"90 minutes"`, `"01:30:00"`},
		{"string for an enum", "$1::mood", `"happy"`, `"happy"`},
		{"string for a uuid", "$1::uuid", `"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"`, `"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"`},
		{"string for an int", "$1::int", `" 12"`, `12`},
		{"string without a type", "$1", `"a"`, `"a"`},
		{"number without a type", "$1", `1.50`, `"1.50"`},
		{"number for an int", "$1::int + 1", `2147483646`, `2147483647`},
		{"number for a bigint", "$1::bigint", `9223372036854775807`, `9223372036854775807`},
		{"number for a numeric keeps every digit", "$1::numeric", `123456789012345678901234567890.123456789`, `123456789012345678901234567890.123456789`},
		{"number for a float", "$1::float8", `-1.5e300`, `-1.5e+300`},
		{"number for a text", "$1::text", `007e0`, ``},
		{"number for a domain", "$1::positive", `7`, `7`},
		{"boolean", "NOT $1::boolean", `true`, `false`},
		{"boolean for a text", "$1::text", `false`, `"false"`},
		{"null", "$1::int IS NULL", `null`, `true`},
		{"object for a jsonb", "$1::jsonb->'a'", `{"a": {"b": [1, null]}}`, `{"b":[1,null]}`},
		{"array for a jsonb", "$1::jsonb", `[1, "a", null, [true]]`, `[1,"a",null,[true]]`},
		{"array for a json", "$1::json->0", `[[1]]`, `[1]`},
		{"number for a jsonb", "$1::jsonb", `1.5`, `1.5`},
		{"string for a jsonb is JSON text", `$1::jsonb->>'a'`, `"{\"a\": 1}"`, `"1"`},
		{"object for a text", "$1::text", `{"a":1}`, `"{\"a\":1}"`},
		{"array for an int array", "$1::int[]", `[1, null, 3]`, `[1,null,3]`},
		{"array for ANY", "2 = ANY($1::bigint[])", `[1,2]`, `true`},
		{"array for a text array", "$1::text[]", `["a", "NULL", null, "", "a\"b\\c,{}", "é🦉", "null"]`, `["a","NULL",null,"","a\"b\\c,{}","é🦉","null"]`},
		{"nested array", "$1::int[]", `[[1,2],[3,4],[5,6]]`, `[[1,2],[3,4],[5,6]]`},
		{"array deeper than Postgres has dimensions", "$1::int[]", strings.Repeat("[", 5000) + strings.Repeat("]", 5000), ``},
		{"empty array", "$1::int[]", `[]`, `[]`},
		{"array for an enum array", "($1::mood[])[2]", `["sad","happy"]`, `"happy"`},
		{"array for a date array", "$1::date[]", `["1997-01-31"]`, `["1997-01-31"]`},
		{"array for a jsonb array", "$1::jsonb[]", `[{"a": "b\"c"}, [1,2], 3, null]`, `[{"a":"b\"c"},[1,2],3,null]`},
		{"array of booleans", "$1::boolean[]", `[true,false,null]`, `[true,false,null]`},
		{"injection stays a value", "$1::text", `"'; DROP TABLE x; --"`, `"'; DROP TABLE x; --"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text, _ := json.Marshal("SELECT " + tt.expression + " AS v")
			out, err := s.Run(t.Context(), job(fmt.Sprintf(`{"statement":%s,"args":[%s]}`, text, tt.arg)))
			if tt.want == "" {
				if err == nil {
					t.Errorf("it became %s", out.Value)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, want := string(out.Value), `{"v":`+tt.want+`}`; got != want {
				wantJSON(t, out.Value, want)
			}
		})
	}
	t.Run("too few", func(t *testing.T) {
		_, err := s.Run(t.Context(), job(`{"statement":"SELECT $1::int, $2::int","args":[1]}`))
		wantFailure(t, err, "bad_payload", true, "the statement takes 2 arguments, args holds 1")
	})
	t.Run("too many", func(t *testing.T) {
		_, err := s.Run(t.Context(), job(`{"statements":[{"statement":"SELECT 1"},{"statement":"SELECT 1","args":[null]}]}`))
		wantFailure(t, err, "bad_payload", true, "statement 2 of 2 takes 0 arguments, args holds 1")
	})
	t.Run("a value that does not fit may be another attempt's luck", func(t *testing.T) {
		_, err := s.Run(t.Context(), job(`{"statement":"SELECT $1::date","args":["soon"]}`))
		wantFailure(t, err, "22007", false, "invalid input syntax for type date")
	})
}

func TestSQLResultOfEveryType(t *testing.T) {
	t.Parallel()
	source, super := database(t)
	must(t, super, "CREATE TYPE mood AS ENUM ('sad', 'happy')")
	must(t, super, "CREATE TYPE pair AS (a int, b text)")
	s := newSQL(t, map[string]string{"x": source}, runner.SQLOptions{})
	for expression, want := range map[string]string{
		"true":                           `true`,
		"1::smallint":                    `1`,
		"(-9223372036854775808)::bigint": `-9223372036854775808`,
		"1.10::numeric":                  `1.10`,
		"'NaN'::numeric":                 `"NaN"`,
		"'-Infinity'::float8":            `"-Infinity"`,
		"0.1::float8":                    `0.1`,
		"1e20::float4":                   `1e+20`,
		"NULL::int":                      `null`,
		"'a\"b\\c' || chr(1)":            `"a\"b\\c\u0001"`,
		"'1997-01-31'::date":             `"1997-01-31"`,
		"'infinity'::date":               `"infinity"`,
		"'1997-01-31 10:20:30.5+02'::timestamptz AT TIME ZONE 'UTC'": `"1997-01-31T08:20:30.5"`,
		"'infinity'::timestamptz":                                    `"infinity"`,
		"'0044-03-15 BC'::timestamp":                                 `"0044-03-15 00:00:00 BC"`,
		"'\\xdeadbeef'::bytea":                                       `"\\xdeadbeef"`,
		"'{\"a\": [1, null]}'::json":                                 `{"a": [1, null]}`,
		"'\"x\"'::jsonb":                                             `"x"`,
		"ARRAY[1.5, NULL, 'NaN']::numeric[]":                         `[1.5,null,"NaN"]`,
		"ARRAY[['a','b'],['c',NULL]]":                                `[["a","b"],["c",null]]`,
		"'{}'::int[]":                                                `[]`,
		"'[0:1]={1,2}'::int[]":                                       `[1,2]`,
		"ARRAY['1997-01-31T00:00:00'::timestamp]":                    `["1997-01-31T00:00:00"]`,
		"ARRAY['{\"a\":1}'::jsonb]":                                  `[{"a":1}]`,
		"ARRAY['sad'::mood]":                                         `"{sad}"`,
		"ROW(1,'x')::pair":                                           `"(1,x)"`,
		"'[1,5)'::int4range":                                         `"[1,5)"`,
		"12.34::money::numeric":                                      `12.34`,
		"'10.0.0.1'::inet":                                           `"10.0.0.1"`,
		"'08:00'::time":                                              `"08:00:00"`,
	} {
		t.Run(expression, func(t *testing.T) {
			out, err := s.Run(t.Context(), job(payload("SELECT "+expression+" AS v")))
			if err != nil {
				t.Fatal(err)
			}
			if !json.Valid(out.Value) {
				t.Fatalf("%s is not JSON", out.Value)
			}
			wantJSON(t, out.Value, `{"v":`+want+`}`)
		})
	}
	t.Run("a timestamptz has its offset in full", func(t *testing.T) {
		out, err := s.Run(t.Context(), job(payload("SET LOCAL timezone = 'Asia/Kolkata'", "SELECT '1997-01-31T00:00:00Z'::timestamptz AS a, set_config('timezone', 'UTC', true) AS b")))
		if err != nil {
			t.Fatal(err)
		}
		out2, err := s.Run(t.Context(), job(payload("SET LOCAL timezone = 'Asia/Kolkata'", "SELECT '1997-01-31T00:00:00Z'::timestamptz AS a")))
		if err != nil {
			t.Fatal(err)
		}
		wantJSON(t, out.Value, `{"a":"1997-01-31T00:00:00+00:00","b":"UTC"}`)
		wantJSON(t, out2.Value, `{"a":"1997-01-31T05:30:00+05:30"}`)
	})
	t.Run("another DateStyle stays text", func(t *testing.T) {
		out, err := s.Run(t.Context(), job(payload("SET LOCAL datestyle = 'German'", "SELECT '1997-01-31'::timestamp AS v")))
		if err != nil {
			t.Fatal(err)
		}
		wantJSON(t, out.Value, `{"v":"31.01.1997 00:00:00"}`)
	})
	t.Run("of columns with one name the last counts", func(t *testing.T) {
		out, err := s.Run(t.Context(), job(payload("SELECT 1 AS v, 2 AS v, 3")))
		if err != nil {
			t.Fatal(err)
		}
		wantJSON(t, out.Value, `{"v":2,"?column?":3}`)
	})
	t.Run("a row too long for a result is left out and said so", func(t *testing.T) {
		out, err := s.Run(t.Context(), job(payload("SELECT repeat('x', 300000) AS v")))
		if err != nil || out.Value != nil || !strings.Contains(out.Output, "at most 262,144 are kept") {
			t.Errorf("result of %d bytes, output %q, error %v", len(out.Value), out.Output, err)
		}
	})
}

func TestSQLRowsAffectedAndResult(t *testing.T) {
	t.Parallel()
	source, super := database(t)
	must(t, super, "DO $$ BEGIN EXECUTE format('GRANT pg_execute_server_program TO %I', current_database() || '_job'); END $$")
	s := newSQL(t, map[string]string{"x": source}, runner.SQLOptions{})
	tests := []struct {
		name       string
		statements []string
		rows       int64
		result     string
	}{
		{"CREATE TABLE AS counts", []string{"CREATE TABLE t AS SELECT g AS n FROM generate_series(1, 5) g"}, 5, ""},
		{"SELECT INTO counts", []string{"SELECT * INTO u FROM t"}, 5, ""},
		{"INSERT counts", []string{"INSERT INTO t SELECT generate_series(6, 10)"}, 5, ""},
		{"UPDATE with RETURNING counts and returns", []string{"UPDATE t SET n = n + 100 WHERE n > 8 RETURNING n"}, 2, `{"n":109}`},
		{"statements are added up", []string{"DELETE FROM t WHERE n > 100", "INSERT INTO t VALUES (1), (2), (3)"}, 5, ""},
		{"MERGE counts", []string{"MERGE INTO u USING (SELECT DISTINCT n FROM t) d ON u.n = d.n WHEN MATCHED THEN DELETE"}, 5, ""},
		{"SELECT does not count", []string{"SELECT count(*) AS c FROM t"}, 0, `{"c":11}`},
		{"only the last statement gives the result", []string{"SELECT 1 AS a", "SELECT 2 AS b"}, 0, `{"b":2}`},
		{"no row, no result", []string{"SELECT 1 AS a", "SELECT 2 AS b WHERE false"}, 0, ""},
		{"a last statement without rows gives none", []string{"SELECT 1 AS a", "DELETE FROM t WHERE false"}, 0, ""},
		{"rows without columns do not count", []string{"SELECT FROM generate_series(1, 7)"}, 0, `{}`},
		{"TABLE and VALUES do not count", []string{"TABLE u", "VALUES (1), (2)"}, 0, `{"column1":1}`},
		{"a materialised view counts", []string{"CREATE MATERIALIZED VIEW m AS SELECT FROM generate_series(1, 3)"}, 3, ""},
		{"WITH … SELECT does not count", []string{"WITH gone AS (DELETE FROM t RETURNING 1) SELECT count(*) AS c FROM gone"}, 0, `{"c":11}`},
		{"a statement with a comment and a semicolon", []string{"/* a */ SELECT 1 AS a; -- b"}, 0, `{"a":1}`},
		{"a comment alone", []string{"-- nothing"}, 0, ""},
		{"savepoints work", []string{"SAVEPOINT a", "INSERT INTO t VALUES (1)", "RELEASE a"}, 1, ""},
		{"COPY TO STDOUT is read and dropped", []string{"COPY t TO STDOUT"}, 0, ""},
		{"COPY FROM counts", []string{`/* a */ COPY "t" (n) FROM PROGRAM 'printf "1\n2\n"'`}, 2, ""},
		{"COPY of a query does not count", []string{"COPY (SELECT n FROM t) TO PROGRAM 'cat >/dev/null'"}, 0, ""},
		{"an EXPLAIN is a row", []string{"EXPLAIN (FORMAT JSON, COSTS OFF) SELECT 1"}, 0, `{"QUERY PLAN":[{"Plan":{"Async Capable":false,"Node Type":"Result","Parallel Aware":false}}]}`},
	}
	hasMerge := value(t, super, "SELECT current_setting('server_version_num')::int >= 150000") == "true"
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if strings.HasPrefix(tt.statements[0], "MERGE") && !hasMerge {
				t.Skip("MERGE came with Postgres 15")
			}
			out, err := s.Run(t.Context(), job(payload(tt.statements...)))
			if err != nil {
				t.Fatal(err)
			}
			if out.RowsAffected == nil || *out.RowsAffected != tt.rows {
				t.Errorf("rows %v, want %d", out.RowsAffected, tt.rows)
			}
			if tt.result == "" && out.Value != nil {
				t.Errorf("result %s, want none", out.Value)
			}
			if tt.result != "" {
				wantJSON(t, out.Value, tt.result)
			}
		})
	}
}

func TestSQLErrors(t *testing.T) {
	t.Parallel()
	source, super := database(t)
	must(t, super, "CREATE TABLE t (n int CONSTRAINT positive CHECK (n > 0) NOT NULL, u int CONSTRAINT once UNIQUE DEFERRABLE INITIALLY DEFERRED)")
	must(t, super, "GRANT ALL ON t TO PUBLIC")
	must(t, super, "CREATE TABLE hidden (n int)")
	must(t, super, `CREATE PROCEDURE ends() LANGUAGE plpgsql AS 'BEGIN COMMIT; END'`)
	s := newSQL(t, map[string]string{"x": source}, runner.SQLOptions{})
	tests := []struct {
		name       string
		statements []string
		code       string
		permanent  bool
		message    string // whole
	}{
		{"syntax", []string{"SELECT 1,\n  FROM t"}, "42601", true, `syntax error at or near "FROM" at line 2, column 3`},
		{"the place counts characters", []string{"SELECT 'é🦉', nope"}, "42703", true, `column "nope" does not exist at line 1, column 14`},
		{"missing table", []string{"SELECT 1", "SELECT * FROM nope"}, "42P01", true, `statement 2 of 2: relation "nope" does not exist at line 1, column 15`},
		{"missing function", []string{"SELECT nope()"}, "42883", true, "function nope() does not exist at line 1, column 8"},
		{"missing schema", []string{"CREATE TABLE nope.t (n int)"}, "3F000", true, `schema "nope" does not exist at line 1, column 14`},
		{"several statements in one", []string{"SELECT 1; SELECT 2"}, "42601", true, `the statement holds several; put each into an element of "statements"`},
		{"not inside a transaction", []string{"VACUUM t"}, "25001", true, `VACUUM cannot run inside a transaction block; "atomic": false in the payload runs its statements without one`},
		{"index built beside writers", []string{"CREATE INDEX CONCURRENTLY ON t (n)"}, "25001", true, `CREATE INDEX CONCURRENTLY cannot run inside a transaction block; "atomic": false in the payload runs its statements without one`},
		{"COMMIT in a procedure", []string{"CALL ends()"}, "2D000", true, `invalid transaction termination; "atomic": false in the payload runs its statements without one`},
		{"missing privilege", []string{"SELECT * FROM hidden"}, "42501", false, "permission denied for table hidden"},
		{"division by zero", []string{"SELECT 1/0"}, "22012", false, "division by zero"},
		{"NULL where it must not be", []string{"INSERT INTO t VALUES (NULL)"}, "23502", false, `null value in column "n" of relation "t" violates not-null constraint`},
		{"CHECK", []string{"INSERT INTO t VALUES (-4711)"}, "23514", false, `new row for relation "t" violates check constraint "positive"`},
		{"deferred UNIQUE at COMMIT", []string{"INSERT INTO t VALUES (1, 4711), (2, 4711)"}, "23505", false, `COMMIT: duplicate key value violates unique constraint "once" (table t)`},
		{"raised", []string{`DO $$ BEGIN RAISE EXCEPTION 'not yet' USING DETAIL = 'hush', HINT = 'hush'; END $$`}, "P0001", false, "not yet"},
		{"lock timeout", []string{"SET LOCAL lock_timeout = 1", "LOCK TABLE t"}, "55P03", false, "statement 2 of 2: canceling statement due to lock timeout"},
		{"own statement timeout", []string{"SET LOCAL statement_timeout = 1", "SELECT pg_sleep(60)"}, "57014", false, "statement 2 of 2: canceling statement due to statement timeout"},
		{"terminated by an operator", []string{"SELECT pg_terminate_backend(pg_backend_pid())"}, "57P01", false, "terminating connection due to administrator command"},
		{"COMMIT", []string{"INSERT INTO t VALUES (1)", "COMMIT"}, "transaction_ended", true, "statement 2 of 2, a COMMIT, ends the job's transaction; all statements of a job are one transaction, which is committed for them; \"atomic\": false in the payload runs its statements without one"},
		{"ROLLBACK", []string{"ROLLBACK"}, "transaction_ended", true, "the statement, a ROLLBACK, ends the job's transaction; all statements of a job are one transaction, which is committed for them; \"atomic\": false in the payload runs its statements without one"},
		{"COMMIT AND CHAIN", []string{"COMMIT AND CHAIN", "SELECT 1"}, "transaction_ended", true, "statement 1 of 2, a COMMIT, ends the job's transaction; all statements of a job are one transaction, which is committed for them; \"atomic\": false in the payload runs its statements without one"},
	}
	must(t, super, "BEGIN")
	must(t, super, "LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE") // for the lock timeout
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := s.Run(t.Context(), job(payload(tt.statements...)))
			f := wantFailure(t, err, tt.code, tt.permanent)
			if f.Message != tt.message {
				t.Errorf("message %q, want %q", f.Message, tt.message)
			}
			if out.RowsAffected != nil || out.Value != nil {
				t.Errorf("report %+v of a transaction that was rolled back", out)
			}
			for _, leak := range []string{"4711", "hush"} {
				if strings.Contains(f.Message, leak) {
					t.Errorf("message %q holds data", f.Message)
				}
			}
		})
	}
	must(t, super, "COMMIT")
	t.Run("a failed job leaves nothing", func(t *testing.T) {
		_, err := s.Run(t.Context(), job(payload("CREATE TABLE left_behind ()", "SELECT 1/0")))
		wantFailure(t, err, "22012", false)
		if value(t, super, "SELECT to_regclass('left_behind') IS NULL") != "true" {
			t.Error("it did")
		}
	})
}

func TestSQLDeadlockMayBeTriedAgain(t *testing.T) {
	t.Parallel()
	source, super := database(t)
	must(t, super, "CREATE TABLE a (); CREATE TABLE b (); GRANT ALL ON a, b TO PUBLIC")
	must(t, super, "ALTER DATABASE "+value(t, super, "SELECT current_database()")+" SET deadlock_timeout = '100ms'")
	s := newSQL(t, map[string]string{"x": source}, runner.SQLOptions{})
	must(t, super, "BEGIN")
	must(t, super, "LOCK TABLE a")
	run := start(t.Context(), s, payload("LOCK TABLE b", "LOCK TABLE a"))
	watch := connect(t, super.Config().ConnString())
	eventually(t, "the job waits", func() bool {
		return value(t, watch, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'tagexec %' AND query = 'LOCK TABLE a' AND wait_event_type = 'Lock'") == "1"
	})
	superErr := make(chan error)
	go func() {
		_, err := super.Exec(context.Background(), "LOCK TABLE b")
		superErr <- err
	}()
	run.within(t, 20*time.Second)
	if err := <-superErr; err != nil { // either may be the victim
		if run.err != nil {
			t.Fatalf("both failed: %v, %v", err, run.err)
		}
		return
	}
	wantFailure(t, run.err, "40P01", false, "statement 2 of 2: deadlock detected")
}

func TestSQLEndOfTheContextEndsTheStatement(t *testing.T) {
	t.Parallel()
	source, super := database(t)
	must(t, super, "CREATE TABLE t (n int); GRANT ALL ON t TO PUBLIC")
	s := newSQL(t, map[string]string{"x": source}, runner.SQLOptions{PoolSize: 1})
	active := func() string {
		return value(t, super, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'tagexec %' AND state <> 'idle' AND query <> 'DISCARD ALL'")
	}
	for _, cause := range []error{executor.ErrCancelled, executor.ErrTimeout, executor.ErrShutdown} {
		ctx, cancel := context.WithCancelCause(t.Context())
		run := start(ctx, s, payload("INSERT INTO t VALUES (1)", "SELECT pg_sleep(60)"))
		eventually(t, "the statement runs", func() bool {
			return value(t, super, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = 'SELECT pg_sleep(60)' AND state = 'active'") == "1"
		})
		cancel(cause)
		run.within(t, 10*time.Second)
		if !errors.Is(run.err, cause) || !strings.Contains(run.err.Error(), "statement 2 of 2") {
			t.Errorf("got %v, want %v", run.err, cause)
		}
		if n := active(); n != "0" {
			t.Errorf("%s backends still work", n)
		}
	}
	if n := value(t, super, "SELECT count(*) FROM t"); n != "0" {
		t.Errorf("%s rows stayed", n)
	}
	t.Run("also while it waits for a connection", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		first := start(ctx, s, payload("SELECT pg_sleep(60)"))
		eventually(t, "the statement runs", func() bool { return active() == "1" })
		second, cancelSecond := context.WithCancelCause(t.Context())
		waiting := start(second, s, payload("SELECT 1"))
		cancelSecond(executor.ErrTimeout)
		waiting.within(t, 10*time.Second)
		if !errors.Is(waiting.err, executor.ErrTimeout) {
			t.Errorf("got %v", waiting.err)
		}
		cancel(executor.ErrCancelled)
		first.within(t, 10*time.Second)
	})
	t.Run("also while the server waits for input that never comes", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		run := start(ctx, s, payload("COPY t FROM /**/ STDIN"))
		eventually(t, "the server waits", func() bool {
			return value(t, super, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY t%' AND wait_event = 'ClientRead' AND state = 'active'") == "1"
		})
		cancel(executor.ErrCancelled)
		run.within(t, 10*time.Second)
		if !errors.Is(run.err, executor.ErrCancelled) {
			t.Errorf("got %v", run.err)
		}
		eventually(t, "the statement ends", func() bool { return active() == "0" })
	})
	t.Run("and the connection is used again", func(t *testing.T) {
		if _, err := s.Run(t.Context(), job(payload("SELECT 1"))); err != nil {
			t.Error(err)
		}
	})
}

func TestSQLServerThatDoesNotReactIsLeft(t *testing.T) {
	t.Parallel()
	// A proxy that stops passing anything on, as a partitioned network does.
	source, super := database(t)
	u, err := url.Parse(source)
	if err != nil {
		t.Fatal(err)
	}
	p := newProxy(t, u.Host)
	u.Host = p.addr()
	s := newSQL(t, map[string]string{"x": u.String()}, runner.SQLOptions{})
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	run := start(ctx, s, payload("SELECT pg_sleep(60)"))
	sleeping := func() string {
		return value(t, super, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = 'SELECT pg_sleep(60)' AND state = 'active'")
	}
	eventually(t, "the statement runs", func() bool { return sleeping() == "1" })
	p.freeze()
	cancel(executor.ErrCancelled)
	run.within(t, 10*time.Second)
	if !errors.Is(run.err, executor.ErrCancelled) {
		t.Errorf("got %v", run.err)
	}
	p.close() // the server sees the connection gone and, by its check interval, ends the statement
	eventually(t, "the statement ends", func() bool { return sleeping() == "0" })
}

func TestSQLLimitsOfTheTransaction(t *testing.T) {
	t.Parallel()
	source, super := database(t)
	s := newSQL(t, map[string]string{"x": source}, runner.SQLOptions{Queue: "q"})
	const show = `SELECT current_setting('transaction_isolation') AS isolation, current_setting('statement_timeout') AS statement,
		current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('client_connection_check_interval') AS "check",
		current_setting('application_name') AS name`
	read := func(ctx context.Context) map[string]string {
		t.Helper()
		out, err := s.Run(ctx, job(payload(show)))
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]string
		if err := json.Unmarshal(out.Value, &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	got := read(t.Context())
	for name, want := range map[string]string{"isolation": "read committed", "statement": "0", "idle": "1min", "check": "5s", "name": "tagexec q job=42 attempt=2"} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if d, err := time.ParseDuration(read(ctx)["statement"]); err != nil || d < 60*time.Second || d > 70*time.Second {
		t.Errorf("statement_timeout is %s (%v), want the deadline and a margin", d, err)
	}
	// A stricter limit of the login stays.
	role := value(t, super, "SELECT current_database()") + "_job"
	must(t, super, "ALTER ROLE "+role+" SET statement_timeout = '7s'")
	must(t, super, "ALTER ROLE "+role+" SET idle_in_transaction_session_timeout = '8s'")
	s = newSQL(t, map[string]string{"x": source}, runner.SQLOptions{})
	if got := read(ctx); got["statement"] != "7s" || got["idle"] != "8s" {
		t.Errorf("got %v", got)
	}
}

func TestSQLSessionsDoNotLeak(t *testing.T) {
	t.Parallel()
	source, super := database(t)
	role := value(t, super, "SELECT current_database()")
	must(t, super, "CREATE ROLE "+role+"_other; GRANT "+role+"_other TO "+role+"_job")
	s := newSQL(t, map[string]string{"x": source}, runner.SQLOptions{PoolSize: 1})
	const state = `SELECT pg_backend_pid() AS pid, current_setting('work_mem') AS work_mem, current_user::text AS "user",
		(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks,
		(SELECT count(*) FROM pg_prepared_statements) AS prepared,
		(SELECT count(*) FROM pg_class WHERE relname = 'leak') AS temporary,
		(SELECT count(*) FROM pg_listening_channels()) AS listening`
	before, err := s.Run(t.Context(), job(payload(state)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Run(t.Context(), job(payload("SET work_mem = '7MB'", "SET ROLE "+role+"_other", "SELECT pg_advisory_lock(1)", "RESET ROLE",
		"CREATE TEMPORARY TABLE leak ()", "PREPARE p AS SELECT 1", "LISTEN c", "SET ROLE "+role+"_other")))
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Run(t.Context(), job(payload("SELECT pg_advisory_lock(2)", "SELECT 1/0")))
	wantFailure(t, err, "22012", false)
	after, err := s.Run(t.Context(), job(payload(state)))
	if err != nil {
		t.Fatal(err)
	}
	if string(before.Value) != string(after.Value) {
		t.Errorf("before %s, after %s", before.Value, after.Value)
	}
}

func TestSQLResultSetsAreNotHeld(t *testing.T) {
	source, _ := database(t)
	s := newSQL(t, map[string]string{"x": source}, runner.SQLOptions{})
	if _, err := s.Run(t.Context(), job(payload("SELECT 1"))); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	out, err := s.Run(t.Context(), job(payload("SELECT g AS n, repeat('x', 1000) AS text FROM generate_series(1, 200000) g")))
	runtime.ReadMemStats(&after)
	if err != nil || !strings.HasPrefix(string(out.Value), `{"n":1,`) {
		t.Fatalf("got %.100s, %v", out.Value, err)
	}
	if live := int64(after.HeapAlloc) - int64(before.HeapAlloc); live > 64<<20 {
		t.Errorf("%d bytes more for 200 MB of rows", live)
	}
}

func TestSQLConnectionLostMayBeTriedAgain(t *testing.T) {
	t.Parallel()
	source, super := database(t)
	wantFailure(t, loseConnection(t, source, super, payload("SELECT pg_sleep(60)")), "connection_lost", false, "the statement: the connection to the server was lost")
}

// loseConnection runs a job whose statement sleeps for a minute, cuts its
// connection then, and returns how the job ends.
func loseConnection(t *testing.T, source string, super *pgx.Conn, sleeps string) error {
	t.Helper()
	u, err := url.Parse(source)
	if err != nil {
		t.Fatal(err)
	}
	p := newProxy(t, u.Host)
	u.Host = p.addr()
	s := newSQL(t, map[string]string{"x": u.String()}, runner.SQLOptions{})
	run := start(t.Context(), s, sleeps)
	eventually(t, "the statement runs", func() bool {
		return value(t, super, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = 'SELECT pg_sleep(60)' AND state = 'active'") == "1"
	})
	p.close()
	run.within(t, 30*time.Second)
	return run.err
}

func TestSQLPoolSizes(t *testing.T) {
	t.Parallel()
	source, super := database(t)
	for name, tt := range map[string]struct {
		url  string
		want string
	}{
		"the option":          {source, "3"},
		"the URL comes first": {source + "&pool_max_conns=2", "2"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(tt.url, "?") {
				tt.url = strings.Replace(tt.url, "&", "?", 1)
			}
			s := newSQL(t, map[string]string{"x": tt.url}, runner.SQLOptions{PoolSize: 3})
			ctx, cancel := context.WithCancelCause(t.Context())
			var runs []*running
			for range 6 {
				runs = append(runs, start(ctx, s, payload("SELECT pg_sleep(60)")))
			}
			count := func() string {
				return value(t, super, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = 'SELECT pg_sleep(60)' AND state = 'active'")
			}
			eventually(t, "all connections work", func() bool { return count() == tt.want })
			cancel(executor.ErrCancelled)
			for _, run := range runs {
				run.within(t, 20*time.Second)
			}
		})
	}
}

// The server allows fewer connections than the pool may have: jobs wait for those that
// there are, instead of being unavailable.
func TestSQLUsesTheConnectionsThatTheServerAllows(t *testing.T) {
	t.Parallel()
	source, super := database(t)
	must(t, super, "ALTER ROLE "+value(t, super, "SELECT current_database()")+"_job CONNECTION LIMIT 2")
	s := newSQL(t, map[string]string{"x": source}, runner.SQLOptions{PoolSize: 8})
	if _, err := s.Run(t.Context(), job(payload("SELECT 1"))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	long := start(ctx, s, payload("SELECT pg_sleep(300)"))
	eventually(t, "the long job runs", func() bool {
		return value(t, super, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = 'SELECT pg_sleep(300)' AND state = 'active'") == "1"
	})
	var runs []*running
	for range 40 {
		runs = append(runs, start(t.Context(), s, payload("SELECT pg_sleep(0.02)")))
	}
	for _, run := range runs {
		run.within(t, 2*time.Minute)
		if run.err != nil {
			t.Errorf("got %v", run.err)
		}
	}
	for _, r := range s.Resources() {
		if err := s.Probe(t.Context(), r); err != nil {
			t.Errorf("the probe says %v", err)
		}
	}
	cancel(executor.ErrCancelled)
	long.within(t, 20*time.Second)
}

// Where the connections are taken for long, a job goes to other executors.
func TestSQLDoesNotWaitLongForTheConnectionsOfOthers(t *testing.T) {
	t.Parallel()
	source, super := database(t)
	must(t, super, "ALTER ROLE "+value(t, super, "SELECT current_database()")+"_job CONNECTION LIMIT 1")
	s := newSQL(t, map[string]string{"x": source}, runner.SQLOptions{PoolSize: 4})
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	long := start(ctx, s, payload("SELECT pg_sleep(300)"))
	eventually(t, "the long job runs", func() bool {
		return value(t, super, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = 'SELECT pg_sleep(300)' AND state = 'active'") == "1"
	})
	run := start(t.Context(), s, payload("SELECT 1"))
	run.within(t, time.Minute)
	wantFailure(t, run.err, "53300", false, `connecting to source "x": too many connections`)
	if u := (*executor.Unavailable)(nil); !errors.As(run.err, &u) {
		t.Errorf("got %v", run.err)
	}
	cancel(executor.ErrCancelled)
	long.within(t, 20*time.Second)
}

func FuzzSQLPayload(f *testing.F) {
	for _, seed := range []string{
		`{"source":"a","statement":"SELECT $1","args":[1,"x",null,[1,[2]],{"a":true}]}`,
		`{"statements":[{"statement":"SELECT 1"}]}`, `{"statement":null}`,
	} {
		f.Add([]byte(seed))
	}
	s := newSQL(f, map[string]string{"a": "postgres://u@127.0.0.1:1/x"}, runner.SQLOptions{})
	f.Fuzz(func(t *testing.T, payload []byte) { fuzzRefused(t, s, payload) })
}
