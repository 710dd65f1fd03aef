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
)

var queueURL = regexp.MustCompile(`TAGEXEC_DATABASE_URL='([^']+)'`)

// startStandalone starts the program on a data directory and returns it and
// the URL it prints.
func startStandalone(t *testing.T, dir string) (*process, string) {
	t.Helper()
	p := launch(t, []string{"standalone", "--data-dir", dir}, "TAGEXEC_HTTP_ADDR=127.0.0.1:0", "TAGEXEC_POLL_INTERVAL=20ms")
	eventually(t, "the connection to be printed", func() bool { return strings.Contains(p.out.String(), "Ctrl-C") })
	return p, queueURL.FindStringSubmatch(p.out.String())[1]
}

func TestStandaloneKeepsItsDataOverRestarts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// As root the server runs as another user, who must get there.
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, "data")
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
	eventually(t, "the job to succeed", func() bool { return state() == "succeeded: 42" })

	conn.Close(ctx)
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 143 {
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
	p.signal(syscall.SIGINT)
	if code := p.exit(); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
}
