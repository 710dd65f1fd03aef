package runner_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/executor/runner"
)

// Whatever a server sends, little of it comes into memory.
func TestSQLMessagesAreBoundedWhileTheyStream(t *testing.T) {
	source, super := database(t)
	must(t, super, `CREATE PROCEDURE shout(n int) LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'begin % end', repeat('é', n); END $$`)
	must(t, super, `CREATE PROCEDURE flood() LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1..100000 LOOP RAISE NOTICE 'line % of the flood', i; END LOOP; END $$`)
	must(t, super, `CREATE PROCEDURE fail(n int) LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'begin % end', repeat('é', n) USING DETAIL = repeat('d', n), ERRCODE = 'TG001'; END $$`)
	s := newSQL(t, map[string]string{"x": source}, runner.SQLOptions{PoolSize: 1})
	pid := func() string {
		t.Helper()
		out, err := s.Run(t.Context(), job(payload("SELECT pg_backend_pid() AS pid")))
		if err != nil {
			t.Fatal(err)
		}
		return string(out.Value)
	}
	tests := []struct {
		name, statements string
		code, message    string // "" for success
		result, output   string
	}{
		{"a value of 15 MB", payload("SELECT repeat('x', 15000000)"), "row_too_large", "the statement: its first row is longer than the 1,048,576 bytes an executor takes", "", ""},
		{"an array of 3,000,000", payload("SELECT array_fill('x'::text, ARRAY[3000000])"), "row_too_large", "the statement: its first row", "", ""},
		{"a value of 64 MB, many times", payload("SELECT repeat('x', 64000000) FROM generate_series(1, 1000000)"), "row_too_large", "the statement: its first row", "", ""},
		{"1,600 values of 10 kB", payload("SELECT " + strings.TrimSuffix(strings.Repeat("repeat('x', 10000),", 1600), ",")), "row_too_large", "the statement: its first row", "", ""},
		{"a row returned by a DELETE", payload("CREATE TEMPORARY TABLE big AS SELECT repeat('x', 2000000) AS v", "DELETE FROM big RETURNING v"), "row_too_large", "statement 2 of 2: its first row", "", ""},
		{"just too long", payload("SELECT repeat('x', 1048576 - 5) AS v"), "row_too_large", "its first row", "", ""},
		{"just not too long", payload("SELECT repeat('x', 1048576 - 6) AS v"), "", "", "", "it has 1,048,570 bytes, at most 262,144 are kept"},
		{"too long as JSON only", payload(`SELECT repeat('"', 200000) AS v`), "", "", "", "it has 400,008 bytes, at most 262,144 are kept"},
		{"long rows that nobody wants", payload("SELECT repeat('x', 15000000)", "SELECT 1 AS v"), "", "", `{"v":1}`, ""},
		{"long rows behind the first", payload("SELECT CASE WHEN g > 1 THEN repeat('x', 15000000) ELSE 'short' END AS v FROM generate_series(1, 5) g"), "", "", `{"v":"short"}`, ""},
		{"many rows", payload("SELECT g AS v, repeat('x', 1000) AS w FROM generate_series(1, 100000) g", "SELECT g AS v FROM generate_series(1, 1000000) g"), "", "", `{"v":1}`, ""},
		{"COPY", payload("COPY (SELECT repeat('x', 15000000) FROM generate_series(1, 5)) TO STDOUT"), "", "", "", ""},
		{"an error of 10 MB", payload("CALL fail(5000000)"), "TG001", "begin éé", "", "begin éé"},
		{"a notice of 10 MB", payload("CALL shout(5000000)", "SELECT 1 AS v"), "", "", `{"v":1}`, "NOTICE: begin éé"},
		{"a flood of notices", payload("CALL flood()"), "", "", "", "NOTICE: line 100000 of the flood\n"},
	}
	before := pid()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var begin, end runtime.MemStats
			runtime.ReadMemStats(&begin)
			out, err := s.Run(t.Context(), job(tt.statements))
			runtime.ReadMemStats(&end)
			if allocated := int64(end.TotalAlloc - begin.TotalAlloc); allocated > 100<<20 || allocated > 8<<20 && !strings.Contains(tt.name, "flood") && tt.name != "many rows" {
				t.Errorf("%d bytes were allocated", allocated)
			}
			if tt.code != "" {
				wantFailure(t, err, tt.code, tt.code == "row_too_large", tt.message)
			} else if err != nil {
				t.Error(err)
			}
			if string(out.Value) != tt.result || !strings.Contains(out.Output, tt.output) || len(out.Output) > 70_000 {
				t.Errorf("result %.100s, output %.300s", out.Value, out.Output)
			}
		})
	}
	if after := pid(); after != before {
		t.Errorf("the connection was lost: backend %s became %s", before, after)
	}
}

func TestSQLWhatTheServerSaysGoesToTheOutput(t *testing.T) {
	t.Parallel()
	source, super := database(t)
	must(t, super, `CREATE PROCEDURE speak() LANGUAGE plpgsql AS $$ BEGIN
		RAISE NOTICE 'half of % done', 10 USING DETAIL = 'the detail', HINT = 'the hint';
		RAISE WARNING 'a warning';
		RAISE INFO 'an info';
		RAISE DEBUG 'unheard';
	END $$`)
	s := newSQL(t, map[string]string{"x": source}, runner.SQLOptions{PoolSize: 1})
	const said = "NOTICE: half of 10 done\nDETAIL: the detail\nHINT: the hint\nWARNING: a warning\n"
	out, err := s.Run(t.Context(), job(payload("CALL speak()", "SELECT 1 AS v")))
	if err != nil || !strings.HasPrefix(out.Output, said) || !strings.Contains(out.Output, "INFO: an info\n") || strings.Contains(out.Output, "unheard") || out.OutputBytes != int64(len(out.Output)) {
		t.Errorf("got %q of %d bytes, %v", out.Output, out.OutputBytes, err)
	}
	out, err = s.Run(t.Context(), job(payload("CALL speak()", "SELECT 1/0")))
	wantFailure(t, err, "22012", false)
	if !strings.HasPrefix(out.Output, said) || !strings.HasSuffix(out.Output, "ERROR 22012: division by zero\n") {
		t.Errorf("got %q", out.Output)
	}
	out, err = s.Run(t.Context(), job(payload("SELECT 1 AS v")))
	if err != nil || out.Output != "" {
		t.Errorf("the next job got %q, %v", out.Output, err)
	}
}
