package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/store/storetest"
)

// speaker is a command that prints what it is told to, when it is told to.
type speaker struct {
	t    testing.TB
	dir  string
	pipe *os.File
}

// newSpeaker makes the command "speak", which prints what comes from a pipe, and ends
// with a status.
func newSpeaker(t testing.TB) *speaker {
	t.Helper()
	s := &speaker{t: t, dir: t.TempDir()}
	for name, status := range map[string]int{"speak": 0, "fail": 3} {
		script := fmt.Sprintf("#!/bin/sh\nexec <\"$1\"\n: >\"$1.open\"\n/bin/cat\nexit %d\n", status)
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(s.path(), 0o644); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.pipe, err = os.OpenFile(s.path(), os.O_RDWR, 0); err != nil { // so it waits for nobody
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.pipe.Close() })
	return s
}

func (s *speaker) path() string { return filepath.Join(s.dir, "pipe") }

// say makes the command print a text.
func (s *speaker) say(text string) {
	s.t.Helper()
	if _, err := s.pipe.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

// end lets the command end. A pipe that nobody holds open forgets what it was told.
func (s *speaker) end() {
	s.t.Helper()
	clitest.Eventually(s.t, "the command listens", func() bool {
		_, err := os.Stat(s.path() + ".open")
		return err == nil
	})
	_ = s.pipe.Close()
}

// insert inserts a job that runs the command.
func (s *speaker) insert(db *storetest.DB, command string) int64 {
	return db.Insert(storetest.Row{"kind": "command", "max_attempts": 1, "payload": string(storetest.JSON(map[string]any{"command": command, "args": []string{s.path()}}))})[0]
}

// follow follows a job as a viewer.
func follow(t testing.TB, db *storetest.DB, id int64) *clitest.Process {
	t.Helper()
	_, login := db.Login("tagexec_viewer")
	return clitest.Launch(t, "tagexec", []string{"jobs", "logs", "-f", fmt.Sprint(id)}, "TAGEXEC_DATABASE_URL="+login)
}

// printed waits until a process has printed exactly this.
func printed(t testing.TB, p *clitest.Process, want string) {
	t.Helper()
	clitest.Eventually(t, fmt.Sprintf("%.60q is printed", want), func() bool { return p.Out.String() == want })
}

// recorded is the output of the latest attempt.
func recorded(db *storetest.DB, id int64) string {
	return storetest.One[string](db, "SELECT coalesce(output, '') FROM tagexec.tag_job_attempts WHERE job_id = $1 ORDER BY attempt DESC LIMIT 1", id)
}

func TestFollowSeesEachLineOfAnotherProcess(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := newSpeaker(t)
	env := []string{"TAGEXEC_COMMANDS_DIR=" + s.dir, "TAGEXEC_COMMAND_ENV=API_TOKEN", "API_TOKEN=s3cr3t-token-1234"}
	start(t, db, []string{"serve"}, env...)
	start(t, db, []string{"serve"}, env...)
	unwatched := db.Insert(storetest.Row{"payload": `{"statement": "DO $$ BEGIN RAISE NOTICE 'hello'; END $$"}`})[0]
	id := s.insert(db, "speak")
	waitState(t, db, "succeeded", 1)
	waitState(t, db, "running", 1)
	storetest.Check(t, "written while nobody watches", storetest.One[string](db, "SELECT concat(pg_relation_size('tagexec.tag_live_output'), ' ', pg_relation_size('tagexec.tag_output_watches'))"), "0 0")
	if got := recorded(db, unwatched); got != "NOTICE: hello\n" {
		t.Errorf("recorded %q", got)
	}

	s.say("before anybody watches\n")
	f, late := follow(t, db, id), follow(t, db, id)
	want := "before anybody watches\n"
	printed(t, f, want)
	for _, said := range []struct{ text, shown string }{
		{"line 1\n", "line 1\n"},
		{"two\nlines\n", "two\nlines\n"},
		{"the token is s3cr3t-to", "the token is "},
		{"ken-1234\n", "[redacted]\n"},
		{"from postgres://etl:hun", "from "},
		{"ter2@host/db\n", "postgres://etl:[redacted]@host/db\n"},
		{"bytes \xff \x00 \x1b[31m\n", "bytes \\xff \u2400 \\u001b[31m\n"},
	} {
		s.say(said.text)
		want += said.shown
		printed(t, f, want)
	}
	s.say("the last line, and no more")
	s.end()
	want += "the last line, and no more\n"
	for _, p := range []*clitest.Process{f, late} {
		if code := p.Exit(); code != 0 || p.Out.String() != want {
			t.Errorf("exit code %d, printed %q\nwant %q", code, p.Out.String(), want)
		}
		if said := p.ErrOut.String(); !strings.HasPrefix(said, "Attempt 1 of job 2 (") || strings.Count(said, "\n") != 1 {
			t.Errorf("said %q", said)
		}
	}
	if got := strings.ReplaceAll(recorded(db, id), "\x1b", `\u001b`) + "\n"; got != want {
		t.Errorf("recorded %q\nwant %q", got, want)
	}
}

// What is recorded of a long output is its head and its tail; who followed it has seen
// all, each line once.
func TestFollowOfALongOutputLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := newSpeaker(t)
	start(t, db, []string{"serve"}, "TAGEXEC_COMMANDS_DIR="+s.dir)
	id := s.insert(db, "fail")
	f := follow(t, db, id)
	want := ""
	for i := range 5 {
		text := strings.Repeat("the same line again and again\n", 900) + fmt.Sprintf("part %d\n", i)
		for len(text) > 0 { // a pipe holds 64 kB
			n := min(len(text), 16<<10)
			s.say(text[:n])
			want, text = want+text[:n], text[n:]
		}
		printed(t, f, want)
	}
	last := strings.Repeat("the same line again and again\n", 50)
	s.say(last)
	s.end()
	if code := f.Exit(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if want += last; f.Out.String() != want {
		t.Errorf("%d bytes are printed, want %d", len(f.Out.String()), len(want))
	}
	if !strings.Contains(recorded(db, id), "bytes left out") {
		t.Error("the recorded output was not cut")
	}
	if said := f.ErrOut.String(); !strings.Contains(said, "failed at ") || !strings.Contains(said, "exited with status 3") || strings.Contains(said, "neither shown") {
		t.Errorf("said %q", said)
	}
}

func TestFollowWaitsForAPendingJobAndEndsWithItsAttempt(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	id := db.Insert(storetest.Row{"payload": `{"statement": "DO $$ BEGIN RAISE NOTICE 'hello'; RAISE EXCEPTION 'no'; END $$"}`, "max_attempts": 2})[0]
	f := follow(t, db, id)
	clitest.Eventually(t, "it says why", func() bool {
		return strings.Contains(f.ErrOut.String(), "Attempt 1 of job 1 (") && strings.Contains(f.ErrOut.String(), "no live executor for kind sql and pool default")
	})
	start(t, db, []string{"serve"})
	if code := f.Exit(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if got := f.Out.String(); !strings.HasPrefix(got, "NOTICE: hello\nERROR P0001: no\n") || got != recorded(db, id) {
		t.Errorf("printed %q, recorded %q", got, recorded(db, id))
	}
	if said := f.ErrOut.String(); !strings.Contains(said, "Attempt 1 of job 1 ") || !strings.Contains(said, ", failed at ") {
		t.Errorf("said %q", said)
	}
	waitState(t, db, "failed", 1)
	again := follow(t, db, id)
	if code := again.Exit(); code != 1 || again.Out.String() != recorded(db, id) || !strings.Contains(again.ErrOut.String(), "Attempt 2 of job 1 ") {
		t.Errorf("exit code %d, printed %q, said %q", code, again.Out.String(), again.ErrOut.String())
	}
}

func TestFollowSaysWhoMayAndWhere(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := newSpeaker(t)
	id := s.insert(db, "speak")
	_, analyst := db.Login("tagexec_analyst")
	name, reader := db.Login("tagexec_viewer")
	db.Exec("ALTER ROLE " + name + " SET default_transaction_read_only = on")
	refused := clitest.Launch(t, "tagexec", []string{"jobs", "logs", "-f", fmt.Sprint(id)}, "TAGEXEC_DATABASE_URL="+analyst)
	if code := refused.Exit(); code != 2 || !strings.Contains(refused.ErrOut.String(), "GRANT tagexec_viewer") {
		t.Errorf("exit code %d, said %q", code, refused.ErrOut.String())
	}
	unknown := follow(t, db, 4711)
	if code := unknown.Exit(); code != 2 || !strings.Contains(unknown.ErrOut.String(), "there is no job 4711") {
		t.Errorf("exit code %d, said %q", code, unknown.ErrOut.String())
	}
	f := clitest.Launch(t, "tagexec", []string{"jobs", "logs", "-f", fmt.Sprint(id)}, "TAGEXEC_DATABASE_URL="+reader)
	clitest.Eventually(t, "it says where", func() bool { return strings.Contains(f.ErrOut.String(), "live output needs the primary server") })
	start(t, db, []string{"serve"}, "TAGEXEC_COMMANDS_DIR="+s.dir)
	s.say("hello\n")
	s.end()
	if code := f.Exit(); code != 0 || f.Out.String() != "hello\n" {
		t.Errorf("exit code %d, printed %q, said %q", code, f.Out.String(), f.ErrOut.String())
	}
	interrupted := follow(t, db, db.Insert(storetest.Row{"run_at": "2999-01-01"})[0])
	clitest.Eventually(t, "it waits", func() bool { return strings.Contains(interrupted.ErrOut.String(), "has not begun") })
	interrupted.Signal(syscall.SIGINT)
	if code := interrupted.Exit(); code != 130 {
		t.Errorf("exit code %d", code)
	}
}

// The executor dies: what it showed is not shown again, and the next attempt begins anew.
func TestFollowEndsWithALostAttempt(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := newSpeaker(t)
	env := []string{"TAGEXEC_COMMANDS_DIR=" + s.dir, "TAGEXEC_LEASE=2s", "TAGEXEC_HEARTBEAT=500ms"}
	first := start(t, db, []string{"serve"}, env...)
	id := s.insert(db, "speak")
	db.Exec("UPDATE tagexec.tag_jobs SET max_attempts = 3")
	f := follow(t, db, id)
	s.say("of the first attempt\n")
	printed(t, f, "of the first attempt\n")
	first.Signal(syscall.SIGKILL)
	first.Exit()
	start(t, db, []string{"serve"}, env...)
	if code := f.Exit(); code != 1 || f.Out.String() != "of the first attempt\n" {
		t.Errorf("exit code %d, printed %q", code, f.Out.String())
	}
	if said := f.ErrOut.String(); !strings.Contains(said, "Of what was shown nothing was recorded.\nAttempt 1 of job 1 (") || !strings.Contains(said, "), lost at ") {
		t.Errorf("said %q", said)
	}
	clitest.Eventually(t, "the next attempt", func() bool {
		return storetest.One[bool](db, "SELECT state = 'running' AND attempt = 2 FROM tagexec.tag_jobs WHERE id = $1", id)
	})
	again := follow(t, db, id)
	s.say("of the second attempt\n")
	printed(t, again, "of the second attempt\n")
	s.end()
	if code := again.Exit(); code != 0 || again.Out.String() != "of the second attempt\n" {
		t.Errorf("exit code %d, printed %q", code, again.Out.String())
	}
}
