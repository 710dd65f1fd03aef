package main

import (
	"os"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/store/storetest"
)

// wantNoFailure fails the test unless all jobs succeeded, with no attempt that
// counts and few that do not.
func (a *arena) wantNoFailure(interrupted int) {
	a.t.Helper()
	if n := value[int](a, "SELECT count(*) FROM tagexec.tag_jobs WHERE state <> 'succeeded'"); n != 0 {
		a.t.Errorf("%d jobs did not succeed: %s", n, value[string](a, "SELECT min(error) FROM tagexec.tag_jobs WHERE state <> 'succeeded'"))
	}
	if n := value[int](a, "SELECT coalesce(sum(failures), 0)::int FROM tagexec.tag_jobs"); n != 0 {
		a.t.Errorf("%d failures were counted, of attempts in which nothing ran", n)
	}
	if n := value[int](a, "SELECT count(*) FROM tagexec.tag_job_attempts WHERE outcome = 'interrupted'"); n > interrupted {
		a.t.Errorf("%d attempts in which nothing ran, want at most %d", n, interrupted)
	}
}

// unavailable waits until the database knows that an executor cannot use something.
func (a *arena) unavailable(resource string) {
	a.t.Helper()
	clitest.Eventually(a.t, resource+" to be unavailable", func() bool {
		return value[bool](a, `SELECT EXISTS (SELECT FROM tagreport.executors e, jsonb_array_elements(e.unavailable) u WHERE e.alive AND u ->> 'resource' = $1)`, resource)
	})
}

// One of two executors has an empty commands directory, as if a volume were not
// mounted. It is faster at finding nothing than the other is at running jobs.
func TestFaultCommandsAreMissingOnOneHost(t *testing.T) {
	t.Parallel()
	a := newArena(t)
	a.command("brief", "sleep 0.1")
	empty := t.TempDir()
	sick := a.serve("TAGEXEC_COMMANDS_DIR=" + empty)
	well := a.serve()
	jobs := a.insertTries(300, 3, "command", `{"command": "brief"}`)
	a.unavailable(`command "brief"`)
	a.waitFor("succeeded", jobs)
	a.wantNoFailure(100)
	if log := sick.ErrOut.String(); strings.Count(log, "unavailable here") != 1 {
		t.Errorf("want one line about the command, got\n%s", log)
	}

	// The volume is mounted: the sick one gets well by itself.
	text, err := os.ReadFile(a.path("commands") + "/brief")
	if err != nil {
		t.Fatal(err)
	}
	a.kill(well)
	if err := os.WriteFile(empty+"/brief.new", text, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(empty+"/brief.new", empty+"/brief"); err != nil {
		t.Fatal(err)
	}
	a.waitFor("succeeded", a.insertTries(20, 3, "command", `{"command": "brief"}`))
	a.stop(sick)
	a.check()
}

// insertTries inserts jobs with that many attempts and returns their ids.
func (a *arena) insertTries(n, attempts int, kind, payload string) []int64 {
	a.t.Helper()
	return list[int64](a, a.db.Pool, "INSERT INTO tagexec.tag_jobs (tag, kind, max_attempts, payload) SELECT 't', $3, $2::int, $4::jsonb FROM generate_series(1, $1::int) RETURNING id", n, attempts, kind, payload)
}

// A source is away. Jobs that are due wait for it and run when it is back.
func TestFaultSourceIsAwayForAWhile(t *testing.T) {
	t.Parallel()
	pg := storetest.OwnServer(t, nil)
	a := furnish(t, storetest.New(t), openPool(t, pg.URL("postgres")))
	p := a.serve()
	a.waitFor("succeeded", a.sqlJobs(20))
	if err := pg.StopImmediate(); err != nil {
		t.Fatal(err)
	}
	jobs := a.sqlJobs(2000)
	a.exec("UPDATE tagexec.tag_jobs SET max_attempts = 1 WHERE state = 'pending'")
	a.unavailable(`source "effects"`)
	waits := func() string { return value[string](a, "SELECT tagexec.explain_job($1)", jobs[len(jobs)-1]) }
	clitest.Eventually(t, "an explanation", func() bool { return strings.Contains(waits(), `no executor can run it since`) })
	if got := waits(); !strings.Contains(got, `: source "effects" is unavailable on the only one that takes such jobs: `) {
		t.Errorf("explain_job says %q", got)
	}
	if err := pg.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.effects.Reset()
	a.waitFor("succeeded", jobs)
	a.wantNoFailure(1100)
	a.stop(p)
	a.check()
}

// Executors want more connections than the server of queue and source has.
func TestFaultTooFewConnections(t *testing.T) {
	t.Parallel()
	pg := storetest.OwnServer(t, map[string]string{"max_connections": "40"})
	a := arenaOn(t, pg)
	executors := []*clitest.Process{a.serve("TAGEXEC_WORKERS=16"), a.serve("TAGEXEC_WORKERS=16"), a.serve("TAGEXEC_WORKERS=16")}
	a.insertTries(600, 1, "sql", `{"statement": "SELECT pg_sleep(0.05)"}`)
	a.settled()
	a.wantNoFailure(600)
	a.stop(executors...)
}
