package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/cmd/internal/movedclock"
	"github.com/tagexec/tagexec/store/devpg"
	"github.com/tagexec/tagexec/store/doctor"
)

// movedServer starts a server whose clock is off, and can be set while it runs.
func movedServer(t *testing.T, offset time.Duration) (pg *devpg.Server, set func(offset time.Duration)) {
	t.Helper()
	dir := t.TempDir()
	// As root the server runs as another user, who must get there.
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	clock, err := movedclock.New(t.Context(), dir)
	if err != nil {
		t.Fatalf("a C compiler is needed, as for the race detector: %v", err)
	}
	set = func(offset time.Duration) {
		if err := clock.Set(offset); err != nil {
			t.Fatal(err)
		}
	}
	set(offset)
	pg, err = devpg.Start(t.Context(), devpg.Options{Fast: true, Preload: clock.Library})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Stop(); err != nil {
			t.Error(err)
		}
	})
	return pg, set
}

// Executors compare no time of theirs with the database's: with a server whose
// clock is an hour off, seen from here, everything happens when it should.
// After Graphile's "doesn't schedule tasks twice when system clock reverses" and "clock skew doesn't prevent task …".
func TestFaultClocksAnHourApart(t *testing.T) {
	tests := map[string]func(*testing.T){}
	for name, offset := range map[string]time.Duration{"the executors are late": time.Hour, "the executors are early": -time.Hour} {
		pg, _ := movedServer(t, offset)
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
			clitest.Eventually(t, "a timeout", func() bool { return a.outcomes(timed[0]) != "" })
			a.exec("SELECT tagexec.cancel_job($1)", timed[0])
			a.waitFor("succeeded", append(append(retried, due...), limit...))
			a.seasoned(second)
			killed := a.now()
			a.kill(first)
			clitest.Eventually(t, "the second attempts", func() bool { return a.said(taken, 2, "start") })
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

// Executors that live and jobs that run outlive any step of the server's clock,
// one that is dead is found all the same, and what was due does not wait until
// the clock is where it was.
func TestFaultServersClockIsSetWhileJobsRun(t *testing.T) {
	pg, set := movedServer(t, 0)
	t.Parallel()
	a := arenaOn(t, pg)
	for _, rule := range []string{"job_times", "attempt_times", "attempts_in_turn"} {
		a.db.Allow(rule)
	}
	killed, second, third := a.serve(), a.serve(), a.serve()
	taken := a.commandJobs(24, "gated") // all workers
	a.waitFor("running", taken)
	for _, p := range []*clitest.Process{killed, second, third} {
		a.seasoned(p)
	}
	var due []int64
	for _, offset := range []time.Duration{time.Hour, 9 * time.Hour, 9*time.Hour - 2*time.Minute} {
		set(offset)
		a.heartbeats(int(3 * faultLease / faultHeartbeat))
		if n := value[int](a, "SELECT count(*) FROM tagexec.tag_jobs WHERE id = ANY ($1) AND state = 'running' AND attempt = 1", taken); n != len(taken) {
			t.Fatalf("with the clock %s ahead %d of %d jobs run on", offset, n, len(taken))
		}
		if n := value[int](a, "SELECT count(*) FROM tagexec.tag_executors WHERE reaped_at IS NOT NULL"); n != 0 {
			t.Fatalf("with the clock %s ahead %d executors were reaped", offset, n)
		}
		due = append(due, a.sqlJobs(5)...)
	}
	mine := list[int64](a, a.db.Pool, "SELECT id FROM tagexec.tag_jobs WHERE state = 'running' AND executor_id = $1", a.ids(killed)[0])
	a.kill(killed)
	clitest.Eventually(t, "the takeover", func() bool { return a.outcomes(mine[0]) == "lost" })
	set(0) // nine hours back
	due = append(due, a.sqlJobs(5)...)
	a.open()
	a.settled()

	for _, job := range taken {
		want := "succeeded"
		if slices.Contains(mine, job) {
			want = "lost succeeded"
		}
		a.wantOutcomes([]int64{job}, want)
	}
	a.wantOutcomes(due, "succeeded")
	a.stop(second, third)
	a.check()
	diagnoses, err := doctor.Diagnose(t.Context(), a.db.URL, 5*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range diagnoses {
		if d.Level == doctor.Finding {
			t.Errorf("doctor finds %s: %s", d.Check, d.Detail)
		}
	}
}

// Postgres ends what runs by its own clock. A job that it ended because that was set
// forward has lost no attempt.
func TestFaultServersClockIsSetDuringAStatement(t *testing.T) {
	pg, set := movedServer(t, 0)
	t.Parallel()
	a := arenaOn(t, pg)
	for _, rule := range []string{"job_times", "attempt_times", "attempts_in_turn"} {
		a.db.Allow(rule)
	}
	holder, err := a.effects.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Release()
	if _, err := holder.Exec(t.Context(), "SELECT pg_advisory_lock(7)"); err != nil {
		t.Fatal(err)
	}
	p := a.serve()
	jobs := a.insert(2, "sql", "jsonb_build_object('statement', 'INSERT INTO effects SELECT $1 FROM pg_advisory_xact_lock_shared(7)', 'args', jsonb_build_array(i))", []string{"timeout_seconds = 600"})
	clitest.Eventually(t, "statements that wait", func() bool {
		return value[int](a, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") == len(jobs)
	})
	set(time.Hour)
	for _, job := range jobs {
		clitest.Eventually(t, "the end of the statement", func() bool { return a.outcomes(job) == "interrupted" })
	}
	if _, err := holder.Exec(t.Context(), "SELECT pg_advisory_unlock(7)"); err != nil {
		t.Fatal(err)
	}
	a.waitFor("succeeded", jobs)
	a.wantOutcomes(jobs, "interrupted succeeded")
	if got := list[string](a, a.db.Pool, "SELECT DISTINCT error_code || ': ' || error FROM tagexec.tag_job_attempts WHERE outcome = 'interrupted'"); len(got) != 1 ||
		got[0] != "interrupted: the server's clock was set forward by 1h0m0s, so it ended the statements before their time" {
		t.Errorf("%q", got)
	}
	a.stop(p)
	a.check()
}

// heartbeats waits until an executor has sent so many.
func (a *arena) heartbeats(n int) {
	a.t.Helper()
	last := ""
	clitest.Eventually(a.t, fmt.Sprint(n, " heartbeats"), func() bool {
		now := value[string](a, "SELECT heartbeat_at::text FROM tagexec.tag_executors WHERE reaped_at IS NULL AND stopped_at IS NULL ORDER BY id LIMIT 1")
		if now != last {
			last = now
			n--
		}
		return n < 0
	})
}
