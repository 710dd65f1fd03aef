package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/cmd/internal/faultproxy"
	"github.com/tagexec/tagexec/store/storetest"
)

// After Awa's test_worker_sigkill_job_is_rescued_and_completed and Solid Queue's "kill worker individually".
func TestFaultKillNine(t *testing.T) {
	t.Parallel()
	a := newArena(t)
	a.exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('small', 3)")
	first := a.serve()
	taken := a.commandJobs(5, "gated")
	a.waitFor("running", taken)
	second := a.serve("TAGEXEC_WORKERS=24")
	neighbours := a.commandJobs(8, "gated") // first has room for three of them
	a.waitFor("running", neighbours)
	id := a.ids(first)[0]
	taken = list[int64](a, a.db.Pool, "SELECT id FROM tagexec.tag_jobs WHERE state = 'running' AND executor_id = $1", id)
	neighbours = list[int64](a, a.db.Pool, "SELECT id FROM tagexec.tag_jobs WHERE state = 'running' AND executor_id <> $1", id)
	a.seasoned(second)
	busy := append(a.sqlJobs(800), append(a.sqlJobs(200, "pool = 'small'"), a.sqlJobs(200, "mutex_key = 'key ' || i % 20")...)...)
	clitest.Eventually(t, "the middle of the run", func() bool {
		return value[bool](a, "SELECT count(*) > 100 FROM tagexec.tag_job_attempts WHERE outcome = 'succeeded'")
	})
	killed := a.now()
	a.kill(first)
	clitest.Eventually(t, "the second attempts", func() bool {
		storetest.CheckInvariants(t, a.db) // the limits hold at each moment
		return a.said(taken, 2, "start")
	})
	a.open()
	a.settled()

	a.waitFor("succeeded", append(append(taken, neighbours...), busy...))
	a.wantOutcomes(taken, "lost succeeded")
	a.wantOutcomes(neighbours, "succeeded")
	a.wantTakeover(taken, killed)
	// On a slow machine it may hand back jobs that it claimed ahead, unbegun.
	if n := value[int](a, `SELECT count(*) FROM tagexec.tag_job_attempts WHERE executor_id <> $1 AND outcome <> 'succeeded'
		AND NOT (outcome = 'interrupted' AND error LIKE 'claimed ahead%')`, id); n != 0 {
		t.Errorf("%d attempts of the other executor did not succeed", n)
	}
	a.stop(second)
	a.check()
}

// Both survivors are held up at their reap, and let go at the same moment.
func TestFaultTwoReapTheSameDeadExecutor(t *testing.T) {
	t.Parallel()
	a := newArena(t)
	a.exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('small', 3)")
	dead := a.serve()
	jobs := append(a.commandJobs(4, "gated"), append(a.commandJobs(2, "gated", "pool = 'small'"), a.commandJobs(2, "gated", "mutex_key = 'key ' || i")...)...)
	a.waitFor("running", jobs)
	oneWay, one := a.proxy()
	otherWay, other := a.proxy()
	survivors := []*clitest.Process{a.serve(one), a.serve(other)}
	a.seasoned(survivors[0])
	a.seasoned(survivors[1])
	id := a.ids(dead)[0]
	end := a.forget("SELECT FROM tagexec.tag_executors WHERE id = $1 FOR UPDATE", id) // so that nobody reaps it yet
	a.kill(dead)
	clitest.Eventually(t, "the end of the lease", func() bool {
		return value[bool](a, "SELECT heartbeat_at < now() - make_interval(secs => lease_seconds) FROM tagexec.tag_executors WHERE id = $1", id)
	})
	for _, proxy := range []*faultproxy.Proxy{oneWay, otherWay} {
		proxy.FreezeAt(func(sql string) bool { return strings.HasPrefix(sql, "-- tagexec: reap executors\n") })
	}
	clitest.Eventually(t, "both at their reap", func() bool { return oneWay.Frozen() && otherWay.Frozen() })
	end()
	oneWay.Thaw()
	otherWay.Thaw()
	clitest.Eventually(t, "the second attempts", func() bool {
		storetest.CheckInvariants(t, a.db) // the limits hold at each moment
		return a.said(jobs, 2, "start")
	})
	a.open()
	a.waitFor("succeeded", jobs)
	a.wantOutcomes(jobs, "lost succeeded")
	if n := value[int](a, "SELECT count(*) FROM tagexec.tag_job_attempts WHERE executor_id = $1", id); n != len(jobs) {
		t.Errorf("%d attempts of the dead executor, want %d", n, len(jobs))
	}
	reaps := 0
	for _, p := range survivors {
		reaps += strings.Count(p.ErrOut.String(), "reaped dead executors")
	}
	if n := value[int](a, "SELECT count(*) FROM tagexec.tag_executors WHERE reaped_at IS NOT NULL"); n != 1 || reaps != 1 {
		t.Errorf("%d executors were reaped, %d times; want the dead one, once", n, reaps)
	}
	a.stop(survivors...)
	a.check()
}

func TestFaultStoppedPastTheLease(t *testing.T) {
	t.Parallel()
	a := newArena(t)
	zombie := a.serve()
	jobs := a.commandJobs(3, "gated")
	a.waitFor("running", jobs)
	other := a.serve()
	a.seasoned(other)
	stopped := a.now()
	zombie.Signal(syscall.SIGSTOP)
	clitest.Eventually(t, "the second attempts", func() bool { return a.said(jobs, 2, "start") })
	// The commands of the first attempts were not stopped: they end well, and too late.
	a.open()
	clitest.Eventually(t, "the end of both attempts", func() bool { return a.said(jobs, 1, "end") && a.said(jobs, 2, "end") })
	a.waitFor("succeeded", jobs)
	a.wantTakeover(jobs, stopped)
	const everything = "SELECT string_agg(j::text || a::text, '' ORDER BY j.id, a.attempt) FROM tagexec.tag_jobs j JOIN tagexec.tag_job_attempts a ON a.job_id = j.id"
	before := value[string](a, everything)

	zombie.Signal(syscall.SIGCONT)
	clitest.Eventually(t, "a new id", func() bool { return len(a.ids(zombie)) == 2 })
	clitest.Eventually(t, "refused results", func() bool { return strings.Contains(zombie.ErrOut.String(), "late results were refused") })
	if after := value[string](a, everything); after != before {
		t.Errorf("the late results changed the tables\nfrom %s\nto   %s", before, after)
	}
	a.stop(other)
	more := a.commandJobs(5, "gated")
	a.waitFor("succeeded", more)
	if n := value[int](a, "SELECT count(*) FROM tagexec.tag_job_attempts WHERE job_id = ANY ($1) AND executor_id = $2", more, a.ids(zombie)[1]); n != len(more) {
		t.Errorf("%d of %d jobs ran under the new id", n, len(more))
	}
	counts := a.stop(zombie)
	if counts["refused"] != int64(len(jobs)) || counts["succeeded"] != int64(len(more)) {
		t.Errorf("the zombie counts %v, want %d refused and %d succeeded", counts, len(jobs), len(more))
	}
	a.wantOutcomes(jobs, "lost succeeded")
	a.wantOutcomes(more, "succeeded")
	a.check()
}

// After Solid Queue's "process a job that exits".
func TestFaultCrashingJobIsFailedAndItsNeighboursAreNot(t *testing.T) {
	t.Parallel()
	a := newArena(t)
	// The supervisor below keeps the executor's process id in a file.
	a.command("crash", `
until [ -s executor ]; do sleep 0.05; done
if [ "$TAGEXEC_ATTEMPT" = 1 ]; then
	until [ "$(ls | grep -c '^up')" = 3 ]; do sleep 0.05; done
else
	sleep 0.5 # for neighbours to begin, if there are any
fi
kill -9 "$(cat executor)"
sleep 5`)
	a.command("neighbour", `
touch "up$TAGEXEC_JOB_ID"
[ "$TAGEXEC_ATTEMPT" != 1 ] || exec sleep 60
sleep 1`)
	crash, neighbours := a.commandJobs(1, "crash"), a.commandJobs(3, "neighbour")
	busy := a.sqlJobs(50, "run_at = now() + i * interval '0.1 seconds'")

	starts := 0
	final := func() bool {
		return value[int](a, "SELECT count(*) FROM tagexec.tag_jobs WHERE state IN ('pending', 'running')") == 0
	}
	for !final() {
		if starts++; starts > 10 {
			t.Fatal("the executor crashed 10 times")
		}
		p := start(t, a.db, []string{"serve"},
			"TAGEXEC_LEASE="+faultLease.String(), "TAGEXEC_HEARTBEAT="+faultHeartbeat.String(), "TAGEXEC_WORKERS=8",
			"TAGEXEC_COMMANDS_DIR="+a.path("commands"), "TAGEXEC_COMMAND_ENV=PATH",
			"TAGEXEC_SQL_SOURCES=effects="+a.effects.Config().ConnString())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = p.Wait() // says that it was killed
		}()
		if err := os.WriteFile(a.path("executor"), []byte(strconv.Itoa(p.Process.Pid)), 0o644); err != nil {
			t.Fatal(err)
		}
		clitest.Eventually(t, "a crash or the end", func() bool {
			select {
			case <-ended:
				return true
			default:
				return final()
			}
		})
		if final() {
			p.Signal(syscall.SIGTERM)
		}
		<-ended
		if err := os.Remove(a.path("executor")); err != nil {
			t.Fatal(err)
		}
	}

	if got := value[string](a, "SELECT state || ' ' || error_code FROM tagexec.tag_jobs WHERE id = $1", crash[0]); got != "failed crash_limit" {
		t.Errorf("the crashing job is %s, want failed crash_limit", got)
	}
	a.wantOutcomes(crash, "lost lost lost")
	for _, job := range append(neighbours, busy...) {
		if got := value[string](a, "SELECT state || coalesce(' ' || error_code, '') FROM tagexec.tag_jobs WHERE id = $1", job); got != "succeeded" {
			t.Errorf("its neighbour, job %d, is %s after %s", job, got, a.outcomes(job))
		}
	}
	a.check()
}

func TestFaultKilledExecutorLeavesNoWorkBehind(t *testing.T) {
	t.Parallel()
	a := newArena(t)
	a.command("family", `
echo $$ >> pids
sleep 1000 & echo $! >> pids
sh -c 'sleep 1001 & echo $! >> pids; echo $$ >> pids; wait' &
trap '' TERM
wait`)
	family := a.commandJobs(1, "family")
	asleep := a.insert(1, "sql", `'{"statement": "SELECT pg_sleep(1002)"}'`, nil)
	p := a.serve()
	a.waitFor("running", append(family, asleep...))
	pids := func() []string {
		text, _ := os.ReadFile(a.path("pids")) // not there yet
		return strings.Fields(string(text))
	}
	clitest.Eventually(t, "the whole family", func() bool { return len(pids()) == 4 })
	alive := func() (list []string) {
		for _, pid := range pids() {
			stat, err := os.ReadFile("/proc/" + pid + "/stat")
			if _, rest, _ := strings.Cut(string(stat), ") "); err == nil && !strings.HasPrefix(rest, "Z") {
				list = append(list, pid)
			}
		}
		return list
	}
	t.Cleanup(func() {
		for _, pid := range alive() {
			n, _ := strconv.Atoi(pid)
			_ = syscall.Kill(n, syscall.SIGKILL)
		}
	})
	backends := func() int {
		return value[int](a, "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND query LIKE '%pg_sleep(1002)%'", a.effects.Config().ConnConfig.Database)
	}
	clitest.Eventually(t, "the statement", func() bool { return backends() == 1 })
	a.kill(p)
	clitest.Eventually(t, "the end of the statement", func() bool { return backends() == 0 })
	storetest.Eventually(t, "the end of all processes of the job; this one and its children were killed: "+pids()[0], func() bool { return len(alive()) == 0 })
}
