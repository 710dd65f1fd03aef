//go:build duckdb

package duckdb_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
)

func TestAFileThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	taken := newFile(t)
	pid, _ := taken.heldByAnother(t)
	for name, c := range map[string]struct{ url, want string }{
		"another process has it":         {taken.url(), fmt.Sprintf("another process has the file open, and DuckDB lets in one at a time (PID %d)", pid)},
		"its directory is not there":     {"duckdb://" + dir + "/nowhere/tags.db", "the directory of the file does not exist"},
		"it is a text":                   {"duckdb://" + text, "the file is none of DuckDB's"},
		"it is a directory":              {"duckdb://" + dir, "the file is none of DuckDB's"},
		"a setting that DuckDB has not":  {newFile(t).url() + "&set.no_such_setting=4711", "set.NAME of the URL names no setting of a whole database, or not a value that it takes"},
		"a value that a setting has not": {newFile(t).url() + "&set.access_mode=4711", "set.NAME of the URL names no setting of a whole database, or not a value that it takes"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSQL(t, c.url)
			report, err := s.Run(t.Context(), job(t, "SELECT 1"))
			var unavailable *executor.Unavailable
			if !errors.As(err, &unavailable) {
				t.Fatalf("got %v, want that the source is unavailable", err)
			}
			f := failure(t, err)
			if want := `connecting to source "tags": ` + c.want; f.Message != want || f.Code != "connection_failed" || f.Permanent {
				t.Errorf("got %v, permanent %v, want %s", f, f.Permanent, want)
			}
			probed := s.Probe(t.Context(), s.Resources()[0])
			if probed == nil || strings.Contains(probed.Error()+report.Output+f.Message, dir) {
				t.Errorf("the probe says %v, the output %q", probed, report.Output)
			}
		})
	}
}

func TestURLsThatLeadNowhere(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"duckdb://":                            "names no file",
		"duckdb://tags.db":                     "names a host, or has only two /",
		"duckdb://jobs:S3cret@/tags.db":        "names a user",
		"duckdb:///tags.db?tls=true":           "sets TLS",
		"duckdb:///tags.db?access_mode=S3cret": `sets "access_mode", which is not known here`,
		"duckdb:///tags.db?directories=/S3cret&set.enable_external_access=true": "sets directories and set.enable_external_access",
		"duckdb:///S3cret%3Fthreads=1/tags.db":                                  "names a file with ?, # or % in its path",
		"duckdb:///S3cret%2525/tags.db?set.a=1":                                 "names a file with ?, # or % in its path",
	} {
		_, err := runner.ParseSource(url)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "S3cret") {
			t.Errorf("%s: got %v, want that it %s", url, err, want)
		}
	}
}

// An executor holds a file only as long as a job needs it.
func TestAFileIsFreeBetweenJobs(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	s := newSQL(t, f.url())
	for _, statement := range []string{"CREATE TABLE ours (id INT)", "INSERT INTO ours SELECT count(*) FROM theirs"} {
		if _, err := s.Run(t.Context(), job(t, statement)); err != nil {
			t.Fatal(err)
		}
		_, letGo := f.heldByAnother(t)
		letGo()
	}
	if status := s.Describe(t.Context())[0]; status.Err != nil || status.Server.Product != "DuckDB" || !strings.HasPrefix(status.Server.Version, "v1.") {
		t.Errorf("got %+v", status)
	}
	f.heldByAnother(t)
}

// Files are opened and closed all the time, also while others have them open.
func TestManyJobsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	f.do(t, "CREATE TABLE t (id INT)")
	enginetest.ManyJobs(t, f.url(), func(int) string { return `{"statement": "INSERT INTO t SELECT 1 FROM range(10)"}` })
	if rows := f.value(t, "SELECT count(*) FROM t"); rows != "2000" {
		t.Errorf("200 jobs left %s rows, want 2000", rows)
	}
}
