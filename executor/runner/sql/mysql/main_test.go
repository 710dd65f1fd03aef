//go:build engines

package mysql_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
	"github.com/tagexec/tagexec/executor/runner/sql/enginetest/mariadb"
	"github.com/tagexec/tagexec/store"
)

// server is shared by the tests: each has a database and a login of its own.
var server *mariadb.Server

func TestMain(m *testing.M) {
	if !enginetest.Mortal() {
		os.Exit(run(m))
	}
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "mariadb")
	if err != nil {
		return failed(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if server, err = mariadb.Start(dir); err != nil {
		return failed(err)
	}
	defer server.Stop()
	code := m.Run()
	if code != 0 {
		fmt.Fprintln(os.Stderr, "MariaDB's log:\n"+server.Log())
	}
	return code
}

func failed(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

const queue = "5f0c2a9be771"

// database makes a database with the table t (id, note), and returns the URL of a
// source, and the administrator in this database.
func database(t testing.TB) (string, *sql.Conn) {
	t.Helper()
	url, err := server.Database()
	if err != nil {
		t.Fatal(err)
	}
	admin, err := server.Admin.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close() })
	must(t, admin, "USE "+name(url))
	must(t, admin, "CREATE TABLE t (id bigint PRIMARY KEY, note varchar(200))")
	return url, admin
}

// name is that of the database of a URL.
func name(url string) string {
	for i := len(url) - 1; ; i-- {
		if url[i] == '/' {
			return url[i+1:]
		}
	}
}

func must(t testing.TB, admin *sql.Conn, statement string) {
	t.Helper()
	if _, err := admin.ExecContext(context.Background(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// value is what a query of one value returns.
func value(t testing.TB, admin *sql.Conn, query string) string {
	t.Helper()
	var text string
	if err := admin.QueryRowContext(context.Background(), query).Scan(&text); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return text
}

// isListed reports whether the server's list has a statement of a source's login that
// holds a text.
func isListed(t testing.TB, admin *sql.Conn, url, text string) bool {
	t.Helper()
	const list = "SELECT count(*) FROM information_schema.processlist WHERE user = '%s_job' AND info LIKE '%%%s%%'"
	return value(t, admin, fmt.Sprintf(list, name(url), text)) != "0"
}

// runs waits until such a statement is there.
func runs(t testing.TB, admin *sql.Conn, url, text string) {
	t.Helper()
	enginetest.Eventually(t, 10*time.Second, "the server's list shows "+text, func() bool { return isListed(t, admin, url, text) })
}

func newSQL(t testing.TB, url string) *runner.SQL {
	t.Helper()
	s, err := runner.NewSQL(t.Context(), map[string]string{"tags": url}, runner.SQLOptions{Queue: queue, PoolSize: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// limited is the context of a job that has a time.
func limited(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, executor.ErrTimeout)
	t.Cleanup(cancel)
	return ctx
}

func job(payload string) *store.Job {
	return &store.Job{Claim: store.Claim{ID: 7, Attempt: 1}, Tag: "high_value", Payload: json.RawMessage(payload)}
}

// statement makes the payload of one statement.
func statement(text string, args ...any) string {
	payload, err := json.Marshal(map[string]any{"statement": text, "args": append([]any{}, args...)})
	if err != nil {
		panic(err) // texts and numbers can be encoded
	}
	return string(payload)
}

// wantFailure checks that err is a failure with a code.
func wantFailure(t testing.TB, err error, code string, permanent bool) *executor.Failure {
	t.Helper()
	var f *executor.Failure
	if !errors.As(err, &f) {
		t.Fatalf("got %v, want a failure %s", err, code)
	}
	if f.Code != code || f.Permanent != permanent {
		t.Errorf("got code %s, permanent %v (%s), want %s, %v", f.Code, f.Permanent, f.Message, code, permanent)
	}
	return f
}
