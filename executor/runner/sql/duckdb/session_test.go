//go:build duckdb

package duckdb_test

import (
	"context"
	"errors"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/executor/runner/sql/duckdb"
)

// session is one of a job on the file, begun; it ends with the test.
func (f file) session(t testing.TB) sql.Session {
	t.Helper()
	source, err := duckdb.Parse(f.url())
	if err != nil {
		t.Fatal(err)
	}
	engine, err := source.Engine(sql.Options{Connections: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Close)
	s, err := engine.Open(t.Context(), sql.Job{ID: 7, Attempt: 1, Tag: "high_value", Atomic: true, Output: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.End)
	if err := s.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// must runs a statement that must pass, and returns its row.
func must(t testing.TB, s sql.Session, text string) string {
	t.Helper()
	done, err := s.Exec(t.Context(), sql.Statement{Where: sql.OnlyStatement, Text: text, WantRow: true})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return string(done.Row)
}

func TestACancelBeforeCommitKeepsNothing(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	f.do(t, "CREATE TABLE t (id INT)")
	s := f.session(t)
	must(t, s, "INSERT INTO t VALUES (1)")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(executor.ErrCancelled)
	_, err := s.Exec(ctx, sql.Statement{Where: "statement 2 of 3", Text: "INSERT INTO t VALUES (2)"})
	if !errors.Is(err, executor.ErrCancelled) {
		t.Errorf("the next statement: got %v", err)
	}
	if err := s.Commit(ctx); !errors.Is(err, executor.ErrCancelled) {
		t.Errorf("COMMIT: got %v", err)
	}
	s.End()
	if rows := f.value(t, "SELECT count(*) FROM t"); rows != "0" {
		t.Errorf("%s rows are left", rows)
	}
}

// Two jobs have the file open at once.
func TestJobsShareTheFileAndNotTheirSessions(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	one, other := f.session(t), f.session(t)
	for _, text := range []string{"SET VARIABLE leak = 1", "SET TimeZone = 'Asia/Tokyo'", "CREATE TEMPORARY TABLE leak (id INT)", "CREATE SCHEMA leaks", "SET schema = 'leaks'"} {
		must(t, one, text)
	}
	const read = "SELECT getvariable('leak') AS v, current_setting('TimeZone') = 'Asia/Tokyo' AS zone, current_schema() AS s, (SELECT count(*) FROM duckdb_tables() WHERE temporary) AS temp"
	if got, want := must(t, one, read), `{"s":"leaks","temp":1,"v":1,"zone":true}`; got != want {
		t.Errorf("the job itself sees %s, want %s", got, want)
	}
	if got, want := must(t, other, read), `{"s":"main","temp":0,"v":null,"zone":false}`; got != want {
		t.Errorf("the other job sees %s, want %s", got, want)
	}
}

// The driver has no list of what DuckDB does, but the system counts it.
func TestNothingComputesAfterACancel(t *testing.T) {
	f := newFile(t)
	s := newSQL(t, f.url())
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := s.Run(ctx, job(t, statements(f).SlowSelect))
		ended <- err
	}()
	for used := processor(t); processor(t)-used < 500*time.Millisecond; time.Sleep(10 * time.Millisecond) { // it computes
	}
	cancel(executor.ErrCancelled)
	if err := <-ended; !errors.Is(err, executor.ErrCancelled) {
		t.Error(err)
	}
	for end := time.Now().Add(5 * time.Second); ; {
		used := processor(t)
		time.Sleep(100 * time.Millisecond) // the span that is measured
		if processor(t)-used < 50*time.Millisecond {
			return
		}
		if time.Now().After(end) {
			t.Fatal("something still computes")
		}
	}
}

// processor is how much time this process has had of processors.
func processor(t testing.TB) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano())
}
