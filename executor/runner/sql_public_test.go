package runner_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/executor/runner"
)

// The error is read by analysts, the output by viewers.
func TestSQLErrorsHoldNoValues(t *testing.T) {
	t.Parallel()
	source, super := database(t)
	must(t, super, "CREATE TYPE mood AS ENUM ('sad', 'happy')")
	must(t, super, "CREATE TABLE t AS SELECT 'S3cret' AS v, 4711999 AS n; GRANT ALL ON t TO PUBLIC; CREATE UNIQUE INDEX once ON t (v)")
	must(t, super, `CREATE FUNCTION refuse(what text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no customer % here', what; END $$`)
	must(t, super, `CREATE FUNCTION run(what text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SELECT ' || what; END $$`)
	s := newSQL(t, map[string]string{"x": source}, runner.SQLOptions{})
	tests := []struct{ name, statement, args, code, message, output string }{
		{"an argument that is no integer", "SELECT $1::int", `"S3cret"`, "22P02", "invalid input syntax for type integer, in argument $1", `"S3cret"`},
		{"an argument that is longer than a message", "SELECT ($1 || 'x')::int", `"S3cret` + strings.Repeat(`\"S3cret`, 30_000) + `"`, "22P02", "invalid input syntax for type integer", `"S3cret`},
		{"the second argument", "SELECT $1::int, $2::date", `1,"S3cret"`, "22007", "invalid input syntax for type date, in argument $2", `"S3cret"`},
		{"an argument with quotes", "SELECT $1::int", `"a\"S3cret\": \"b"`, "22P02", "invalid input syntax for type integer, in argument $1", "S3cret"},
		{"an argument out of range", "SELECT $1::int", `99999999999`, "22003", "value … is out of range for type integer, in argument $1", "99999999999"},
		{"a date out of range", "SELECT $1::date", `"2026-13-45"`, "22008", "date/time field value out of range, in argument $1", "2026-13-45"},
		{"no value of an enum", "SELECT $1::mood", `"S3cret"`, "22P02", "invalid input value for enum mood, in argument $1", "S3cret"},
		{"no JSON", "SELECT $1::jsonb", `"S3cret"`, "22P02", "invalid input syntax for type json, in argument $1", "S3cret"},
		{"no array", "SELECT $1::int[]", `"S3cret"`, "22P02", "malformed array literal, in argument $1", "S3cret"},
		{"an element of an array", "SELECT $1::int[]", `["S3cret"]`, "22P02", "invalid input syntax for type integer, in argument $1", "S3cret"},
		{"no UUID", "SELECT $1::uuid", `"S3cret"`, "22P02", "invalid input syntax for type uuid, in argument $1", "S3cret"},
		{"a setting", "SELECT set_config('work_mem', $1, true)", `"S3cret"`, "22023", "invalid value for parameter", "S3cret"},
		{"a name of a relation", "SELECT $1::text::regclass", `"s3cret"`, "42P01", `relation "$1" does not exist`, "s3cret"},
		{"a name of a role", "SELECT $1::text::regrole", `"s3cret"`, "42704", `role "$1" does not exist`, "s3cret"},
		{"what a function raises", "SELECT refuse($1)", `"S3cret of longer"`, "P0001", "no customer $1 here", "S3cret"},
		{"a number that a function raises", "SELECT refuse($1)", `4711999`, "P0001", "no customer $1 here", "4711999"},
		{"arguments of which one is a part of another", "SELECT refuse($1 || $2)", `"S3cret","S3cretS3cret"`, "P0001", "no customer $2$1 here", "S3cret"},
		{"SQL that a function makes", "SELECT run($1)", `"s3cret"`, "42703", `column "$1" does not exist`, "s3cret"},
		{"a column's value", "SELECT v::int FROM t", ``, "22P02", "invalid input syntax for type integer", "S3cret"},
		{"a column's value out of range", "SELECT (n::text || '0000')::int FROM t", ``, "22003", "value … is out of range for type integer", "47119990000"},
		{"a duplicate", "INSERT INTO t VALUES ($1)", `"S3cret"`, "23505", `duplicate key value violates unique constraint "once" (table t)`, "(v)=(S3cret)"},
		{"a name of the statement stays", "SELECT * FROM nope WHERE v = $1", `"nope"`, "42P01", `relation "nope" does not exist at line 1, column 15`, "nope"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out, err := s.Run(t.Context(), job(fmt.Sprintf(`{"statement":%q,"args":[%s]}`, tt.statement, tt.args)))
			f := wantFailure(t, err, tt.code, strings.HasPrefix(tt.code, "42"))
			if f.Message != tt.message {
				t.Errorf("message %q, want %q", f.Message, tt.message)
			}
			if !strings.HasPrefix(out.Output, "ERROR "+tt.code+": ") || !strings.Contains(out.Output, tt.output) {
				t.Errorf("output %q does not hold %q", out.Output, tt.output)
			}
		})
	}
}
