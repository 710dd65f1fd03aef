package main

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/store/storetest"
)

const fenceMessage = "the lease can no longer be trusted"

// After Awa's test_pg_restart_* and test_full_postgres_outage_recovers_with_metrics.
func TestFaultPostgresRestarts(t *testing.T) {
	t.Parallel()
	pg := storetest.OwnServer(t, nil)
	a := arenaOn(t, pg)
	a.command("alone", `
exec 9> key
flock -n 9 || say overlap
read _ < gate`)
	executors := []*clitest.Process{a.serve(), a.serve()}
	through := a.commandJobs(6, "gated")
	alone := a.commandJobs(1, "alone", "mutex_key = 'alone'")
	a.waitFor("running", append(through, alone...))
	clitest.Eventually(t, "the start of the commands", func() bool { return a.said(through, 1, "start") && a.said(alone, 1, "start") })
	busy := a.sqlJobs(2000) // on the server that goes down
	clitest.Eventually(t, "the middle of the run", func() bool {
		return value[bool](a, "SELECT count(*) > 200 FROM tagexec.tag_job_attempts WHERE outcome = 'succeeded'")
	})

	if err := pg.StopImmediate(); err != nil {
		t.Fatal(err)
	}
	down := time.Now()
	clitest.Eventually(t, "an outage longer than the lease", func() bool {
		for _, p := range executors {
			if !strings.Contains(p.ErrOut.String(), fenceMessage) {
				return false
			}
		}
		return time.Since(down) > faultLease+2*faultHeartbeat
	})
	if err := pg.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.db.Pool.Reset()
	a.effects.Reset()
	a.open()
	a.settled()

	a.waitFor("succeeded", append(append(through, alone...), busy...))
	if n := value[int](a, "SELECT count(*) FROM tagexec.tag_executors WHERE reaped_at IS NOT NULL"); n != 0 {
		t.Errorf("%d executors were reaped after the outage", n)
	}
	if n := value[int](a, "SELECT count(*) FROM tagexec.tag_job_attempts WHERE outcome = 'lost'"); n != 0 {
		t.Errorf("%d attempts were lost after the outage", n)
	}
	a.wantOutcomes(through, "succeeded")
	a.wantOutcomes(alone, "interrupted succeeded")
	a.stop(executors...)
	a.check()
}

// After Awa's test_runtime_recovers_after_terminating_postgres_connections.
func TestFaultConnectionsTerminatedAtRandom(t *testing.T) {
	t.Parallel()
	a := newArena(t)
	a.exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('small', 3)")
	executors := []*clitest.Process{a.serve(), a.serve()}
	jobs := a.sqlJobs(2500)
	limited := a.sqlJobs(300, "pool = 'small'")
	keyed := a.sqlJobs(300, "mutex_key = 'key ' || i % 20")
	const terminate = `
		SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		                       WHERE datname = $1 AND pid <> pg_backend_pid() AND application_name LIKE 'tagexec%' ORDER BY random() LIMIT $2) k`
	queue, source := a.db.Pool.Config().ConnConfig.Database, a.effects.Config().ConnConfig.Database
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	killed := 0
	// Not for ever: a loaded machine may need longer for a connection than it is given here.
	for round := 0; killed < 100 && value[bool](a, "SELECT EXISTS (SELECT FROM tagexec.tag_jobs WHERE state IN ('pending', 'running'))"); round++ {
		<-tick.C
		killed += value[int](a, terminate, queue, 1+rand.IntN(2))
		if round%10 == 5 {
			killed += value[int](a, terminate, source, 1)
			storetest.CheckInvariants(t, a.db) // the limits hold at each moment
		}
	}
	if killed < 10 {
		t.Errorf("only %d connections were terminated", killed)
	}
	a.settled()
	a.waitFor("succeeded", append(append(jobs, limited...), keyed...))
	if n := value[int](a, "SELECT count(*) FROM tagexec.tag_job_attempts WHERE outcome = 'lost'"); n != 0 {
		t.Errorf("%d attempts were lost, though no executor was", n)
	}
	a.stop(executors...)
	a.check()
}

func TestFaultForgottenSession(t *testing.T) {
	together(t, map[string]func(*testing.T){
		"holds rows":              forgottenRow,
		"holds the table":         forgottenTable,
		"holds a row of the dead": forgottenRowOfTheDead,
	})
}

// forget opens a transaction and leaves it open until the returned function
// ends it, or the test.
func (a *arena) forget(sql string, args ...any) (end func()) {
	a.t.Helper()
	tx, err := a.db.Pool.Begin(a.t.Context())
	if err != nil {
		a.t.Fatal(err)
	}
	end = func() { _ = tx.Rollback(context.Background()) } // or it has ended before
	a.t.Cleanup(end)
	if _, err := tx.Exec(a.t.Context(), sql, args...); err != nil {
		a.t.Fatal(err)
	}
	return end
}

func forgottenRow(t *testing.T) {
	a := newArena(t)
	executor := a.serve()
	jobs := a.commandJobs(2, "gated")
	a.waitFor("running", jobs)
	held, gone := jobs[0], jobs[1]
	pending := a.sqlJobs(1, "run_at = now() + interval '1 second'")
	end := a.forget("SELECT FROM tagexec.tag_jobs WHERE id = ANY ($1) FOR UPDATE", []int64{held, pending[0]})
	a.deleted[gone] = true
	a.exec("DELETE FROM tagexec.tag_jobs WHERE id = $1", gone)
	a.open()
	clitest.Eventually(t, "the end of the held job's command", func() bool { return a.said(jobs[:1], 1, "end") })

	others := a.sqlJobs(200)
	a.waitFor("succeeded", others)
	clitest.Eventually(t, "a session that held for longer than the lease", func() bool {
		return value[bool](a, "SELECT now() > started_at + make_interval(secs => $2) FROM tagexec.tag_jobs WHERE id = $1", held, faultLease.Seconds())
	})
	if got := value[string](a, "SELECT string_agg(state, ' ' ORDER BY id) FROM tagexec.tag_jobs WHERE id = ANY ($1)", []int64{held, pending[0]}); got != "running pending" {
		t.Errorf("the jobs whose rows are held are %s", got)
	}
	end()
	a.settled()
	a.wantOutcomes(append(append(others, held), pending...), "succeeded")
	if !strings.Contains(executor.ErrOut.String(), "the jobs of results do not exist any more") {
		t.Error("the result of the deleted job is not reported as missing")
	}
	a.stop(executor)
	a.check()
}

func forgottenTable(t *testing.T) {
	a := newArena(t)
	executors := []*clitest.Process{a.serve(), a.serve()}
	running := a.commandJobs(6, "gated")
	waiting := a.sqlJobs(500, "run_at = now() + interval '0.5 seconds'")
	a.waitFor("running", running)
	end := a.forget("LOCK TABLE tagexec.tag_jobs IN ACCESS EXCLUSIVE MODE")
	a.open()
	// Until claims and records have failed for it, which is longer than the lease.
	clitest.Eventually(t, "statements that give up", func() bool {
		for _, p := range executors {
			if !strings.Contains(p.ErrOut.String(), "lock timeout") {
				return false
			}
		}
		return true
	})
	end()
	a.settled()
	a.wantOutcomes(append(running, waiting...), "succeeded")
	if n := value[int](a, "SELECT count(*) FROM tagexec.tag_executors WHERE reaped_at IS NOT NULL"); n != 0 {
		t.Errorf("%d executors were reaped", n)
	}
	a.stop(executors...)
	a.check()
}

func forgottenRowOfTheDead(t *testing.T) {
	a := newArena(t)
	dead := a.serve()
	jobs := a.commandJobs(4, "gated")
	a.waitFor("running", jobs)
	survivor := a.serve()
	a.seasoned(survivor)
	end := a.forget("SELECT FROM tagexec.tag_jobs WHERE id = $1 FOR UPDATE", jobs[0])
	killed := a.now()
	a.kill(dead)
	clitest.Eventually(t, "the second attempts of the others", func() bool { return a.said(jobs[1:], 2, "start") })
	a.open()
	a.waitFor("succeeded", jobs[1:])
	a.wantTakeover(jobs[1:], killed)
	end()
	a.settled()
	a.wantOutcomes(jobs, "lost succeeded")
	a.stop(survivor)
	a.check()
}
