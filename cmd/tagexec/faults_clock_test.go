package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/store/devpg"
)

// shim moves the clock of a program that asks the C library for the time, as
// Postgres does and a Go program does not.
const shim = `
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *t) {
	int r = (int) syscall(SYS_clock_gettime, id, t);
	if (r == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		t->tv_sec += (OFFSET);
	return r;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone) {
	struct timespec s;
	int r = clock_gettime(CLOCK_REALTIME, &s);
	t->tv_sec = s.tv_sec;
	t->tv_usec = s.tv_nsec / 1000;
	return r;
}

time_t time(time_t *t) {
	struct timespec s;
	clock_gettime(CLOCK_REALTIME, &s);
	if (t)
		*t = s.tv_sec;
	return s.tv_sec;
}
`

// movedServer starts a server whose clock is off. devpg takes the first initdb
// in PATH and the postgres beside it: here, scripts that load the shim. The
// test must not be parallel yet.
func movedServer(t *testing.T, offset time.Duration) *devpg.Server {
	t.Helper()
	dir := t.TempDir()
	// As root the server runs as another user, who must get there.
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	library := filepath.Join(dir, "shim.so")
	build := exec.Command("cc", "-shared", "-fPIC", "-O1", fmt.Sprintf("-DOFFSET=%d", int(offset.Seconds())), "-o", library, write("shim.c", shim))
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("a C compiler is needed, as for the race detector: %v\n%s", err, out)
	}
	// Where the binaries are, a running server tells.
	model := ownServer(t)
	text, err := os.ReadFile(filepath.Join(model.DataDir(), "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, _, _ := strings.Cut(string(text), "\n")
	postgres, err := os.Readlink("/proc/" + pid + "/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"initdb", "postgres"} {
		real := filepath.Join(filepath.Dir(postgres), program)
		write(program, fmt.Sprintf("#!/bin/sh\nLD_PRELOAD='%s' exec '%s' \"$@\"\n", library, real))
	}
	before := os.Getenv("PATH")
	defer os.Setenv("PATH", before)
	os.Setenv("PATH", dir+string(filepath.ListSeparator)+before)
	return ownServer(t)
}

// Executors compare no time of theirs with the database's: with a server whose
// clock is an hour off, seen from here, everything happens when it should.
// After Graphile's "doesn't schedule tasks twice when system clock reverses" and "clock skew doesn't prevent task …".
func TestFaultClocksAnHourApart(t *testing.T) {
	tests := map[string]func(*testing.T){}
	for name, offset := range map[string]time.Duration{"the executors are late": time.Hour, "the executors are early": -time.Hour} {
		pg := movedServer(t, offset)
		tests[name] = func(t *testing.T) {
			a := arenaOn(t, pg)
			if off := time.Since(a.now()).Abs(); off < 59*time.Minute {
				t.Fatalf("the server's clock is only %s off", off)
			}
			a.command("second", `[ "$TAGEXEC_ATTEMPT" != 1 ] || exit 1`)
			first := a.serve()
			taken := a.commandJobs(2, "gated")
			a.waitFor("running", taken)
			second := a.serve()
			early := a.now()
			due := a.sqlJobs(20, "run_at = now() + interval '2 seconds'")
			timed := a.insert(1, "sql", `'{"statement": "SELECT pg_sleep(600)"}'`, []string{"timeout_seconds = 1"})
			retried := a.commandJobs(1, "second")
			limit := a.sqlJobs(20, "mutex_key = 'key ' || i % 5", "timeout_seconds = 60")
			eventually(t, "a timeout", func() bool { return a.outcomes(timed[0]) != "" })
			a.exec("SELECT tagexec.cancel_job($1)", timed[0])
			a.waitFor("succeeded", append(append(retried, due...), limit...))
			a.seasoned(second)
			killed := a.now()
			a.kill(first)
			eventually(t, "the second attempts", func() bool { return a.said(taken, 2, "start") })
			a.open()
			a.settled()

			a.wantOutcomes(taken, "lost succeeded")
			a.wantTakeover(taken, killed)
			a.wantOutcomes(append(due, limit...), "succeeded")
			a.wantOutcomes(retried, "failed succeeded")
			if n := value[int](a, "SELECT count(*) FROM tagexec.tag_jobs WHERE id = ANY ($1) AND started_at < $2::timestamptz + interval '1 second'", due, early); n != 0 {
				t.Errorf("%d jobs ran before they were due", n)
			}
			wrong := list[string](a, a.db.Pool, `
				SELECT format('attempt %s of job %s: queued %s, started %s, finished %s', attempt, job_id, queued_at, started_at, finished_at)
				  FROM tagexec.tag_job_attempts
				 WHERE queued_at < $1::timestamptz - interval '1 minute' OR finished_at > clock_timestamp()
				    OR outcome = 'timed_out' AND finished_at - started_at NOT BETWEEN interval '1 second' AND interval '20 seconds'
				    OR outcome = 'failed' AND (SELECT run_at FROM tagexec.tag_jobs WHERE id = job_id) - finished_at NOT BETWEEN interval '2 seconds' AND interval '5 seconds'`, early)
			if len(wrong) > 0 {
				t.Error("times that cannot be:\n" + strings.Join(wrong, "\n"))
			}
			if n := value[int](a, "SELECT count(*) FROM tagexec.tag_executors WHERE reaped_at IS NOT NULL"); n != 1 {
				t.Errorf("%d executors were reaped, want the one that was killed", n)
			}
			a.stop(second)
			a.check()
		}
	}
	together(t, tests)
}
