//go:build duckdb

package duckdb_test

import (
	stdsql "database/sql"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/executor/runner/sql/duckdb"
	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
	"github.com/tagexec/tagexec/store"
)

func TestMain(m *testing.M) {
	if enginetest.Mortal() || holds() {
		return
	}
	os.Exit(m.Run())
}

// file is a file of DuckDB that is not there yet.
type file string

func newFile(t testing.TB) file {
	t.Helper()
	return file(filepath.Join(t.TempDir(), "tags.db"))
}

// url is that of the source.
func (f file) url() string {
	return "duckdb://" + string(f) + "?set.memory_limit=512MB&set.threads=2"
}

// open opens it beside the engine, until the test ends or it is closed.
func (f file) open(t testing.TB) *stdsql.DB {
	t.Helper()
	connector, err := duckdb.Connector(f.url())
	if err != nil {
		t.Fatal(err)
	}
	db := stdsql.OpenDB(connector)
	db.SetMaxIdleConns(-1) // so that it is let go between statements
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// do runs statements beside the engine.
func (f file) do(t testing.TB, statements ...string) {
	t.Helper()
	db := f.open(t)
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// value is what a query of one value returns.
func (f file) value(t testing.TB, query string) (text string) {
	t.Helper()
	if err := f.open(t).QueryRow(query).Scan(&text); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return text
}

func newSQL(t testing.TB, url string) *runner.SQL {
	t.Helper()
	s, err := runner.NewSQL(t.Context(), map[string]string{"tags": url}, runner.SQLOptions{Queue: "5f0c2a9be771", PoolSize: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// job is one of a statement, or of several.
func job(t testing.TB, statements ...string) *store.Job {
	t.Helper()
	list := make([]map[string]string, len(statements))
	for i, text := range statements {
		list[i] = map[string]string{"statement": text}
	}
	payload, err := json.Marshal(map[string]any{"statements": list})
	if err != nil {
		t.Fatal(err)
	}
	return &store.Job{Claim: store.Claim{ID: 7, Attempt: 1}, Tag: "high_value", Payload: payload}
}

// failure is err as the failure of an attempt.
func failure(t testing.TB, err error) *executor.Failure {
	t.Helper()
	var f *executor.Failure
	if !errors.As(err, &f) {
		t.Fatalf("got %v, want a failure", err)
	}
	return f
}
