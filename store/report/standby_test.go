package report_test

import (
	"errors"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/devpg"
	"github.com/tagexec/tagexec/store/report"
	"github.com/tagexec/tagexec/store/storetest"
)

// newDir is a directory that also the user whom servers run as can enter.
func newDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// server starts a server of its own whose data are in dir.
func server(t *testing.T, dir string, settings map[string]string) *devpg.Server {
	t.Helper()
	s, err := devpg.Start(t.Context(), devpg.Options{DataDir: dir, Fast: true, Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

// shown is a queue in which a job runs, and its output is shown.
func shown(t *testing.T, s *devpg.Server) (job int64) {
	t.Helper()
	if _, err := migrations.Up(t.Context(), s.URL("postgres")); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(s.URL("postgres"), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	conn, err := pgx.Connect(t.Context(), s.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), "INSERT INTO tagexec.tag_jobs (tag, payload) VALUES ('a', '{}') RETURNING id").Scan(&job); err != nil {
		t.Fatal(err)
	}
	session, err := st.Register(t.Context(), store.Executor{Kinds: []string{"sql"}, Hostname: "h", Lease: store.DefaultLease, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := session.Claim(t.Context(), 1)
	if err != nil || len(jobs.Jobs) != 1 {
		t.Fatal(jobs, err)
	}
	r := open(t, s.URL("postgres"))
	if _, err := r.Watch(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if _, err := st.ShowOutput(t.Context(), store.LiveOutput{Claim: jobs.Jobs[0].Claim, Text: "half\n", Printed: 5}); err != nil {
		t.Fatal(err)
	}
	if chunks, err := r.Chunks(t.Context(), job, 1, 0); err != nil || len(chunks) != 1 || chunks[0].Chunk != "half\n" {
		t.Fatal(chunks, err)
	}
	r.Close()
	return job
}

// What is shown is not written to the log of the server. After a crash nothing of it is
// there, and somebody who goes on watching sees what comes from then on.
func TestLiveOutputAfterACrashOfTheServer(t *testing.T) {
	t.Parallel()
	s := server(t, filepath.Join(newDir(t), "primary"), nil)
	job := shown(t, s)
	if err := errors.Join(s.StopImmediate(), s.Restart(t.Context())); err != nil {
		t.Fatal(err)
	}
	r := open(t, s.URL("postgres"))
	if chunks, err := r.Chunks(t.Context(), job, 1, 5); err != nil || len(chunks) != 0 {
		t.Errorf("after the crash: %v, %v", chunks, err)
	}
	if running, err := r.Watch(t.Context(), job); err != nil || !running {
		t.Errorf("watching again: %t, %v", running, err)
	}
}

// A standby answers every question but those for live output, which say so.
func TestQuestionsToAStandby(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	primary := server(t, filepath.Join(dir, "primary"), nil)
	job := shown(t, primary)
	if err := primary.Stop(); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command("cp", "-a", filepath.Join(dir, "primary"), filepath.Join(dir, "standby")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	primary = server(t, filepath.Join(dir, "primary"), nil)
	if err := os.WriteFile(filepath.Join(dir, "standby", "data", "standby.signal"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	from, err := url.Parse(primary.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	password, _ := from.User.Password()
	standby := server(t, filepath.Join(dir, "standby"), map[string]string{
		"primary_conninfo": "host=127.0.0.1 port=" + from.Port() + " user=postgres password=" + password,
	})
	conn, err := pgx.Connect(t.Context(), primary.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "INSERT INTO tagexec.tag_jobs (tag, payload) VALUES ('later', '{}')"); err != nil {
		t.Fatal(err)
	}
	r := open(t, standby.URL("postgres"))
	storetest.Eventually(t, "the standby has what came later", func() bool {
		page, err := r.Jobs(t.Context(), report.JobFilter{Tag: "later"}, nil, 1)
		return err == nil && len(page.Jobs) == 1
	})
	all := questions(r, job, "none")
	maps.Copy(all, ofViewers(r, job))
	for name, ask := range all {
		err := ask(t.Context())
		var primary *report.PrimaryError
		switch live := name == "watch" || name == "live output"; {
		case live && !errors.As(err, &primary):
			t.Errorf("%s: %v, want that it needs the primary", name, err)
		case !live && err != nil && !errors.As(err, new(*report.MissingError)):
			t.Errorf("%s: %v", name, err)
		}
	}
}
