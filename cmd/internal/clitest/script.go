package clitest

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tagexec/tagexec/store/storetest"
)

// RunAll runs every script in testdata.
func RunAll(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			Run(t, file, func(db *storetest.DB) string { return db.URL })
		})
	}
}

// Run runs a script on a database of its own, which the program reaches at the
// URL that reach returns. Scripts whose name begins with "empty" find nothing in
// it.
func Run(t *testing.T, file string, reach func(*storetest.DB) string) {
	t.Helper()
	create := storetest.New
	if strings.HasPrefix(filepath.Base(file), "empty") {
		create = storetest.Empty
	}
	db := create(t)
	url := reach(db)
	testscript.Run(t, testscript.Params{
		Files:               []string{file},
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("DATABASE_URL", url)
			env.Setenv("TAGEXEC_DATABASE_URL", url)
			env.Setenv("TAGEXEC_SQL_SOURCES", "db="+db.URL)
			env.Setenv("TAGEXEC_POLL_INTERVAL", "10ms")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":     code,
			"lastline": lastLine,
			"login":    func(ts *testscript.TestScript, neg bool, args []string) { login(ts, db, neg, args) },
			"readenv":  readEnv,
			"sql":      func(ts *testscript.TestScript, neg bool, args []string) { query(ts, db, neg, args) },
		},
	})
}

// login ROLE: the program has a login of its own in this group role from now on, or in
// none; login alone goes back to the owner.
func login(ts *testscript.TestScript, db *storetest.DB, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: login [ROLE]")
	}
	url := ts.Getenv("DATABASE_URL")
	if len(args) == 1 {
		_, url = db.Login(strings.TrimPrefix(args[0], "none"))
	}
	ts.Setenv("TAGEXEC_DATABASE_URL", url)
}

// readenv NAME FILE: sets a variable to what a file holds.
func readEnv(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: readenv NAME FILE")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

// code N command …: runs the command and wants exit code N.
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N command …")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, want %s\n%s", got, args[0], ts.ReadFile("stderr"))
	}
}

// lastline TEXT …: the last line of stdout is one JSON object that holds each text.
func lastLine(ts *testscript.TestScript, neg bool, args []string) {
	lines := strings.Split(strings.TrimSuffix(ts.ReadFile("stdout"), "\n"), "\n")
	last := lines[len(lines)-1]
	if !strings.HasPrefix(last, "{") || !strings.HasSuffix(last, "}") {
		ts.Fatalf("the last line is no JSON object: %s", last)
	}
	for _, text := range args {
		if strings.Contains(last, text) == neg {
			ts.Fatalf("the last line is %s, and %q is in it: %t", last, text, !neg)
		}
	}
}

// sql STATEMENT [WANT]: runs a statement; its rows, columns as text separated
// by |, must be WANT.
func query(ts *testscript.TestScript, db *storetest.DB, neg bool, args []string) {
	rows, err := db.Pool.Query(context.Background(), args[0])
	if err != nil {
		ts.Fatalf("%v", err)
	}
	var got []string
	for rows.Next() {
		values, err := rows.Values()
		ts.Check(err)
		var columns []string
		for _, v := range values {
			columns = append(columns, fmt.Sprint(v))
		}
		got = append(got, strings.Join(columns, "|"))
	}
	if err := rows.Err(); err != nil {
		ts.Fatalf("%v", err)
	}
	if len(args) > 1 && (strings.Join(got, " ") == args[1]) == neg {
		ts.Fatalf("got %q, want %q", strings.Join(got, " "), args[1])
	}
}
