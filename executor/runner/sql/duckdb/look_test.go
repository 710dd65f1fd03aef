//go:build duckdb

package duckdb_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

func TestTextsThatAreNotOneStatement(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	f.do(t, "CREATE TABLE t (id INT, note VARCHAR)", "INSERT INTO t VALUES (1, 'a;b')")
	s := newSQL(t, f.url())
	for _, text := range []string{"SELECT 1; DELETE FROM t", ";", "-- nothing", "PIVOT t ON note USING count(*)"} {
		_, err := s.Run(t.Context(), job(t, text))
		if f := failure(t, err); f.Code != sql.BadPayload || !f.Permanent {
			t.Errorf("%s: got %v", text, f)
		}
	}
	for text, want := range map[string]string{
		"SELECT note FROM t WHERE note = 'a;b';":                         `{"note":"a;b"}`,
		"/* one; two */ FROM t SELECT id -- three;":                      `{"id":1}`,
		"WITH w AS (SELECT 2 AS id) SELECT id FROM w;;":                  `{"id":2}`,
		"PIVOT t ON note IN ('a;b') USING count(*) GROUP BY id":          `{"a;b":1,"id":1}`,
		"UPDATE t SET id = 1 RETURNING id + 1 AS next":                   `{"next":2}`,
		"WITH w AS (SELECT 5 AS id) INSERT INTO t (id) SELECT id FROM w": "",
		"SELECT count(*) FROM t":                                         `{"count_star()":2}`,
	} {
		report, err := s.Run(t.Context(), job(t, text))
		if err != nil || string(report.Value) != want && !strings.HasPrefix(text, "SELECT count") {
			t.Errorf("%s: got %s, %v, want %s", text, report.Value, err, want)
		}
	}
}

// What is beside the file is not the job's.
func TestJobsReachNoOtherFile(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	s := newSQL(t, f.url())
	for _, text := range []string{
		"SELECT content FROM read_text('/proc/self/environ')",
		"COPY (SELECT 1) TO '/tmp/tagexec-was-here'",
		"ATTACH '/tmp/tagexec-was-here.db' AS other",
		"INSTALL httpfs",
		"LOAD '/tmp/tagexec-was-here.so'",
		"SELECT * FROM 'https://example.com/tags.parquet'",
		"EXPORT DATABASE '/tmp/tagexec-was-here'",
	} {
		_, err := s.Run(t.Context(), job(t, text))
		if f := failure(t, err); f.Code != "PERMISSION" || f.Permanent || strings.Contains(f.Message, "tagexec-was-here") {
			t.Errorf("%s: got %v, permanent %v", text, f, f.Permanent)
		}
	}
	for _, text := range []string{"SET enable_external_access = true", "SET allowed_directories = ['/']", "RESET enable_external_access"} {
		if _, err := s.Run(t.Context(), job(t, text)); err == nil {
			t.Errorf("%s has passed", text)
		}
	}
}

func TestJobsReachTheDirectoriesThatTheURLNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tags.csv"), []byte("id,tag\n7,high_value\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newSQL(t, newFile(t).url()+"&directories="+t.TempDir()+","+dir)
	report, err := s.Run(t.Context(), job(t, "SELECT * FROM '"+dir+"/tags.csv'"))
	if err != nil || string(report.Value) != `{"id":7,"tag":"high_value"}` {
		t.Errorf("got %s, %v", report.Value, err)
	}
	s = newSQL(t, newFile(t).url()+"&directories="+dir)
	var running sync.WaitGroup
	for range 20 { // some open the file, the others find it open
		running.Go(func() {
			_, err := s.Run(t.Context(), job(t, "SELECT content FROM read_text('/proc/self/environ')"))
			if err == nil || !strings.Contains(err.Error(), "PERMISSION: ") {
				t.Errorf("got %v", err)
			}
		})
	}
	running.Wait()
}
