package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
)

var queueURL = regexp.MustCompile(`TAGEXEC_DATABASE_URL='([^']+)'`)

// startStandalone starts the program on a data directory and returns it and
// the URL it prints.
func startStandalone(t *testing.T, dir string) (*clitest.Process, string) {
	t.Helper()
	p := clitest.Launch(t, "tagexec", []string{"standalone", "--data-dir", dir}, "TAGEXEC_HTTP_ADDR=127.0.0.1:0", "TAGEXEC_POLL_INTERVAL=20ms")
	clitest.Eventually(t, "the connection to be printed", func() bool { return strings.Contains(p.Out.String(), "Ctrl-C") })
	return p, queueURL.FindStringSubmatch(p.Out.String())[1]
}

// dataDir returns a directory that does not exist yet.
func dataDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	// As root the server runs as another user, who must get there.
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "data")
}

func TestStandaloneKeepsItsDataOverRestarts(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	ctx := context.Background()

	p, url := startStandalone(t, dir)
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(ctx, `INSERT INTO tagexec.tag_jobs (tag, payload) VALUES ('hello', '{"statement": "SELECT 42 AS answer"}')`); err != nil {
		t.Fatal(err)
	}
	state := func() (s string) {
		if err := conn.QueryRow(ctx, "SELECT state || coalesce(': ' || (result ->> 'answer'), error, '') FROM tagexec.tag_jobs").Scan(&s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	clitest.Eventually(t, "the job to succeed", func() bool { return state() == "succeeded: 42" })

	conn.Close(ctx)
	p.Signal(syscall.SIGTERM)
	if code := p.Exit(); code != 143 {
		t.Errorf("exit code %d, want 143", code)
	}
	if _, err := pgx.Connect(ctx, url); err == nil {
		t.Error("the server is still there")
	}

	p, again := startStandalone(t, dir)
	if again != url {
		t.Errorf("the URL changed from %s to %s", url, again)
	}
	if conn, err = pgx.Connect(ctx, again); err != nil {
		t.Fatal(err)
	}
	if s := state(); s != "succeeded: 42" {
		t.Errorf("after the restart the job is %q", s)
	}
	conn.Close(ctx)
	p.Signal(syscall.SIGINT)
	if code := p.Exit(); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
}

func TestStandaloneNamesTheDirectoryOfDataFromBeforeTheFirstRelease(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	p, url := startStandalone(t, dir)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "UPDATE tagexec.goose_db_version SET version_id = 9 WHERE version_id = 10"); err != nil {
		t.Fatal(err)
	}
	conn.Close(t.Context())
	p.Signal(syscall.SIGTERM)
	p.Exit()

	p = clitest.Launch(t, "tagexec", []string{"standalone", "--data-dir", dir})
	if code := p.Exit(); code != 2 {
		t.Errorf("exit code %d, want 2", code)
	}
	if want := "the data in " + dir + " have version 9 of the schema, from before the first release, which this tagexec cannot update: move the directory away"; !strings.Contains(p.ErrOut.String(), want) {
		t.Errorf("got  %s\nwant %s", p.ErrOut.String(), want)
	}
}
