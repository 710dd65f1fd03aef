package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/store/storetest"
)

// What 16 workers need at most, whatever their jobs return and print. The
// documents state it: executor/runner/doc.go, examples/production/README.md.
const memoryBound = 512 << 20

// An executor with default settings stays below the bound when all its workers do
// the worst at once.
func TestMemoryIsBoundedWhateverJobsReturn(t *testing.T) {
	db := storetest.New(t)
	db.Exec(`CREATE PROCEDURE shout(n int) LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1..20 LOOP RAISE NOTICE '%', repeat('n', n); END LOOP; END $$`)
	db.Exec(`CREATE PROCEDURE fail(n int) LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%', repeat('e', n) USING DETAIL = repeat('d', n); END $$`)
	body := []byte(`{"a":"` + strings.Repeat(`x\/y%20z+`, 150_000) + `"}`)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
	defer s.Close()
	dir := t.TempDir()
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write("flood", "#!/bin/sh\nhead -c 100000000 /dev/zero\n")
	write("key", s.URL+"\nBearer s3cr3t-t0ken/of+the=service/which-is-long\n")

	kinds := []struct {
		tag, kind, payload string
		state, code        string
	}{
		{"text", "sql", `{"statement": "SELECT repeat('x', 15000000)"}`, "failed", "row_too_large"},
		{"array", "sql", `{"statement": "SELECT array_fill('x'::text, ARRAY[1000000])"}`, "failed", "row_too_large"},
		{"64 MB", "sql", `{"statement": "SELECT repeat('x', 64000000) FROM generate_series(1, 10)"}`, "failed", "row_too_large"},
		{"wide", "sql", `{"statement": "SELECT ` + strings.TrimSuffix(strings.Repeat("repeat('x', 10000),", 1600), ",") + `"}`, "failed", "row_too_large"},
		{"just taken", "sql", `{"statement": "SELECT repeat('x', 1000000)"}`, "succeeded", ""},
		{"array of a result's length", "sql", `{"statement": "SELECT array_fill(1, ARRAY[130000])"}`, "succeeded", ""},
		{"texts of a result's length", "sql", `{"statement": "SELECT array_fill('x'::text, ARRAY[60000])"}`, "succeeded", ""},
		{"unwanted", "sql", `{"statements": [{"statement": "SELECT repeat('x', 15000000) FROM generate_series(1, 4)"}, {"statement": "SELECT 1"}]}`, "succeeded", ""},
		{"notices", "sql", `{"statement": "CALL shout(1000000)"}`, "succeeded", ""},
		{"errors", "sql", `{"statement": "CALL fail(5000000)"}`, "failed", "P0001"},
		{"flood", "command", `{"command": "flood"}`, "succeeded", ""},
		{"body", "http", `{"url": "` + s.URL + `", "headers": {"Authorization": {"secret": "key"}}}`, "succeeded", ""},
	}
	for _, k := range kinds {
		db.Exec(`INSERT INTO tagexec.tag_jobs (tag, kind, payload, max_attempts)
		         SELECT $1, $2, $3::jsonb, 1
		           FROM generate_series(1, 32)`, k.tag, k.kind, k.payload)
	}
	p := start(t, db, []string{"serve"}, "TAGEXEC_COMMANDS_DIR="+dir, "TAGEXEC_COMMAND_ENV=PATH", "TAGEXEC_HTTP_ORIGINS="+s.URL, "TAGEXEC_SECRETS_DIR="+dir)
	// Not kind by kind: what was claimed ahead and is handed back comes last.
	for n := 32; n <= 32*len(kinds); n += 32 {
		clitest.Eventually(t, fmt.Sprintf("%d jobs have ended", n), func() bool {
			return storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_jobs WHERE state IN ('succeeded', 'failed')") >= n
		})
		t.Logf("%d jobs have ended; the most memory was %d MB", n, peak(t, p.Process.Pid)>>20)
	}
	for _, k := range kinds {
		if n := storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_jobs WHERE tag = $1 AND state = $2 AND coalesce(error_code, '') = $3", k.tag, k.state, k.code); n != 32 {
			t.Errorf("%d of 32 jobs %q are %s with error %q", n, k.tag, k.state, k.code)
		}
	}
	if bytes := peak(t, p.Process.Pid); bytes > memoryBound {
		t.Errorf("the most memory was %d MB, more than %d MB", bytes>>20, memoryBound>>20)
	}
	p.Signal(syscall.SIGTERM)
	p.Exit()
}

// peak returns the most memory that a process has had, in bytes.
func peak(t testing.TB, pid int) int {
	t.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := bytes.Cut(status, []byte("VmHWM:"))
	number, _, _ := bytes.Cut(after, []byte("kB"))
	kilobytes, err := strconv.Atoi(string(bytes.TrimSpace(number)))
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}
