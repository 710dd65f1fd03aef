package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestFaultAnswerToClaimIsLost(t *testing.T) {
	tests := map[string]func(*testing.T){}
	for name, c := range map[string]struct {
		statement string // its first line
		column    string
	}{
		"of a lane":            {"-- tagexec: claim", "pool = 'default'"},
		"of a limited pool":    {"-- tagexec: take", "pool = 'limited'"},
		"of jobs with a mutex": {"-- tagexec: take keyed jobs", "mutex_key = 'key ' || i"},
		"of suspects":          {"-- tagexec: take", "crashes = 2"},
	} {
		tests[name] = func(t *testing.T) {
			a := newArena(t)
			a.exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('limited', 5)")
			proxy, through := a.proxy()
			executor := a.serve(through)
			const lost = 2
			proxy.DropAnswers(lost, func(sql string) bool { return strings.HasPrefix(sql, c.statement+"\n") })
			jobs := a.sqlJobs(10, c.column)
			counted := value[int](a, "SELECT sum(failures + crashes) FROM tagexec.tag_jobs")
			a.waitFor("succeeded", jobs)
			if n := proxy.Stats().Dropped; n != lost {
				t.Errorf("%d answers were lost, want %d", n, lost)
			}
			interrupted := value[int](a, "SELECT count(*) FROM tagexec.tag_job_attempts WHERE outcome = 'interrupted'")
			if interrupted == 0 {
				t.Error("no attempt was handed back")
			}
			if n := value[int](a, "SELECT count(*) FROM tagexec.tag_job_attempts WHERE outcome NOT IN ('interrupted', 'succeeded')"); n != 0 {
				t.Errorf("%d attempts ended as something else", n)
			}
			if n := value[int](a, "SELECT sum(failures + crashes) FROM tagexec.tag_jobs"); n != counted {
				t.Errorf("%d failures are counted", n-counted)
			}
			// Whose claim was not answered had not begun.
			if n := len(list[int64](a, a.effects, "SELECT number FROM effects")); n != len(jobs) {
				t.Errorf("%d effects of %d jobs", n, len(jobs))
			}
			a.stop(executor)
			a.check()
		}
	}
	together(t, tests)
}

func TestFaultAnswerToRecordIsLost(t *testing.T) {
	t.Parallel()
	a := newArena(t)
	proxy, through := a.proxy()
	executor := a.serve(through)
	const lost = 4
	proxy.DropAnswers(lost, func(sql string) bool { return strings.HasPrefix(sql, "-- tagexec: record") })
	jobs := a.sqlJobs(300, "run_at = now() + i * interval '0.005 seconds'")
	a.waitFor("succeeded", jobs)
	clitest.Eventually(t, "the loss of the last answer, which is later than what it tells", func() bool { return proxy.Stats().Dropped == lost })
	a.wantOutcomes(jobs, "succeeded")
	if counts := a.stop(executor); counts["succeeded"] != int64(len(jobs)) || counts["refused"] != 0 {
		t.Errorf("the executor counts %v, want %d succeeded and none refused", counts, len(jobs))
	}
	a.check()
}

// An executor that is cut off without noticing: bytes do not come through.
func TestFaultFrozenNetwork(t *testing.T) {
	tests := map[string]func(*testing.T){}
	for name, c := range map[string]struct {
		application string // whose connections freeze; "" for all
		alone       string // outcomes of the job that holds a mutex key
	}{
		"all connections":    {"", "lost succeeded"},
		"only the heartbeat": {"tagexec heartbeat", "interrupted succeeded"},
	} {
		tests[name] = func(t *testing.T) {
			a := newArena(t)
			a.command("alone", `
exec 9> key
flock -n 9 || say overlap
read _ < gate`)
			proxy, through := a.proxy()
			frozen := a.serve(through)
			jobs := a.commandJobs(3, "gated")
			alone := a.commandJobs(1, "alone", "mutex_key = 'alone'")
			clitest.Eventually(t, "the first attempts", func() bool { return a.said(append(jobs, alone...), 1, "start") })
			other := a.serve()
			a.seasoned(other)
			silent := a.now()
			if c.application == "" {
				proxy.Freeze()
			} else {
				proxy.FreezeApplication(c.application)
			}
			clitest.Eventually(t, "the second attempts", func() bool { return a.said(append(jobs, alone...), 2, "start") })
			if !strings.Contains(frozen.ErrOut.String(), fenceMessage) {
				t.Error("the frozen executor did not notice in time")
			}
			a.open()
			a.waitFor("succeeded", append(jobs, alone...))
			a.wantOutcomes(jobs, "lost succeeded")
			a.wantOutcomes(alone, c.alone)
			a.wantTakeover(jobs, silent)
			if a.said(alone, 1, "end") {
				t.Error("the job that holds a mutex key was not stopped")
			}
			if c.application == "" {
				clitest.Eventually(t, "the end of the other jobs, which nothing stopped", func() bool { return a.said(jobs, 1, "end") })
			}

			proxy.Thaw()
			clitest.Eventually(t, "a new id", func() bool { return len(a.ids(frozen)) >= 2 })
			clitest.Eventually(t, "refused results", func() bool { return strings.Contains(frozen.ErrOut.String(), "late results were refused") })
			a.stop(other)
			more := a.commandJobs(5, "gated")
			a.waitFor("succeeded", more)
			a.wantOutcomes(jobs, "lost succeeded")
			if counts := a.stop(frozen); counts["refused"] < int64(len(jobs)) {
				t.Errorf("the frozen executor counts %v, want at least %d refused", counts, len(jobs))
			}
			a.check()
		}
	}
	together(t, tests)
}

// A claim can reach the database after its executor was reaped: its jobs then
// run under an id that nobody will reap a second time.
func TestFaultClaimArrivesTooLate(t *testing.T) {
	together(t, map[string]func(*testing.T){
		"the executor is dead":     lateClaimOfTheDead,
		"the executor still lives": lateClaimOfTheLiving,
	})
}

func lateClaimOfTheDead(t *testing.T) {
	a := newArena(t)
	a.exec("INSERT INTO tagexec.tag_pools (pool) VALUES ('elsewhere')")
	proxy, through := a.proxy()
	late := a.serve(through)
	other := a.serve("TAGEXEC_POOLS=elsewhere")
	a.seasoned(other)
	proxy.FreezeAt(func(sql string) bool { return strings.HasPrefix(sql, "-- tagexec: claim\n") })
	jobs := a.sqlJobs(5)
	clitest.Eventually(t, "the claim", proxy.Frozen)
	id := a.ids(late)[0]
	clitest.Eventually(t, "the reap", func() bool {
		return value[bool](a, "SELECT reaped_at IS NOT NULL FROM tagexec.tag_executors WHERE id = $1", id)
	})
	a.kill(late)
	proxy.Thaw()
	a.waitFor("running", jobs)
	a.waitFor("pending", jobs)
	if n := value[int](a, "SELECT count(*) FROM tagexec.tag_job_attempts WHERE executor_id = $1 AND outcome = 'lost'", id); n != len(jobs) {
		t.Errorf("%d attempts of the dead executor were lost, want %d", n, len(jobs))
	}
	last := a.serve()
	a.waitFor("succeeded", jobs)
	a.wantOutcomes(jobs, "lost succeeded")
	a.stop(last, other)
	a.check()
}

func lateClaimOfTheLiving(t *testing.T) {
	a := newArena(t)
	a.exec("INSERT INTO tagexec.tag_pools (pool) VALUES ('elsewhere')")
	proxy, through := a.proxy()
	late := a.serve(through)
	other := a.serve("TAGEXEC_POOLS=elsewhere")
	a.seasoned(other)
	proxy.FreezeAt(func(sql string) bool { return strings.HasPrefix(sql, "-- tagexec: claim\n") })
	jobs := a.sqlJobs(5)
	clitest.Eventually(t, "the claim", proxy.Frozen)
	id := a.ids(late)[0]
	clitest.Eventually(t, "the reap", func() bool {
		return value[bool](a, "SELECT reaped_at IS NOT NULL FROM tagexec.tag_executors WHERE id = $1", id)
	})
	proxy.Thaw()
	a.waitFor("succeeded", jobs)
	for _, job := range jobs {
		// It depends on whether it learns of the reap before or after the answer.
		if got := a.outcomes(job); got != "succeeded" && got != "interrupted succeeded" {
			t.Errorf("the attempts of job %d were: %s", job, got)
		}
	}
	clitest.Eventually(t, "a new id", func() bool { return len(a.ids(late)) >= 2 })
	a.stop(late, other)
	a.check()
}

// After an outage longer than the lease the first executor that is back finds
// every lease over, and reaps nobody before the others had time to renew theirs.
func TestFaultNobodyReapsAtOnceAfterAnOutage(t *testing.T) {
	t.Parallel()
	a := newArena(t)
	const lease = 4 * time.Second
	proxy, through := a.proxy()
	first := a.serve(through, "TAGEXEC_LEASE="+lease.String())
	jobs := a.commandJobs(4, "gated")
	clitest.Eventually(t, "the first attempts", func() bool { return a.said(jobs, 1, "start") })
	otherProxy, otherThrough := a.proxy()
	second := a.serve(otherThrough, "TAGEXEC_LEASE="+lease.String())
	a.seasoned(second)

	proxy.Cut()
	otherProxy.Cut()
	over := "SELECT bool_and(heartbeat_at < now() - make_interval(secs => lease_seconds)) FROM tagexec.tag_executors"
	clitest.Eventually(t, "the end of all leases", func() bool { return value[bool](a, over) })
	back := a.now()
	otherProxy.Heal()
	// Longer than the second waits between two tries, shorter than the lease.
	clitest.Eventually(t, "time for a reap", func() bool {
		return value[bool](a, `SELECT heartbeat_at > $2 AND now() > $2::timestamptz + make_interval(secs => $3)
		                         FROM tagexec.tag_executors WHERE id = $1`, a.ids(second)[0], back, lease.Seconds()/2)
	})
	proxy.Heal()
	id := a.ids(first)[0]
	clitest.Eventually(t, "the first to be back", func() bool {
		return value[bool](a, "SELECT heartbeat_at > $2 OR reaped_at IS NOT NULL FROM tagexec.tag_executors WHERE id = $1", id, back)
	})
	a.open()
	a.waitFor("succeeded", jobs)
	a.wantOutcomes(jobs, "succeeded")
	if n := value[int](a, "SELECT count(*) FROM tagexec.tag_executors WHERE reaped_at IS NOT NULL"); n != 0 {
		t.Errorf("%d executors were reaped", n)
	}
	a.stop(first, second)
	a.check()
}

// Servers that let everybody in and then say nothing more hold up neither a
// cancel nor the exit.
func TestFaultSilentServersHoldNoExit(t *testing.T) {
	const grace = time.Second
	for name, silentQueue := range map[string]bool{"the source": false, "the source and the queue": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			_, login := db.Login("tagexec_executor")
			queue := storetest.NewSilent(t, login, 0)
			source := storetest.NewSilent(t, db.URL, 0)
			p := start(t, db, []string{"serve"}, "TAGEXEC_DATABASE_URL="+queue.URL, "TAGEXEC_SQL_SOURCES=x="+source.URL,
				"TAGEXEC_WORKERS=4", "TAGEXEC_SHUTDOWN_GRACE="+grace.String())
			fallSilent(t, p, source, storetest.Everybody)
			db.Exec(`INSERT INTO tagexec.tag_jobs (tag, payload) SELECT 'x', '{"statement": "SELECT 1"}' FROM generate_series(1, 4)`)
			clitest.Eventually(t, "connections that hang", func() bool { return source.Hung() >= 3 })
			if silentQueue {
				queue.Hush()
				queue.Next(storetest.Everybody)
			}
			p.Signal(syscall.SIGTERM)
			exited := make(chan int)
			go func() { exited <- p.Exit() }()
			select {
			case code := <-exited:
				if code != 143 {
					t.Errorf("exit code %d, want 143", code)
				}
			case <-time.After(grace + 5*time.Second + faultSlack):
				t.Fatal("still there")
			}
			if !silentQueue {
				waitState(t, db, "pending", 4)
				return
			}
			db.Exec("UPDATE tagexec.tag_executors SET heartbeat_at = now() - interval '1 h'")
			db.Reap()
		})
	}
}

// A job on a source that hangs ends within seconds when it is cancelled, and the
// executor goes on.
func TestFaultCancelOnASilentSource(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	source := storetest.NewSilent(t, db.URL, 0)
	p := start(t, db, []string{"serve"}, "TAGEXEC_SQL_SOURCES=x="+source.URL, "TAGEXEC_WORKERS=1")
	fallSilent(t, p, source, 1)
	id := db.Insert(storetest.Row{"payload": `{"statement": "SELECT 1"}`})[0]
	waitState(t, db, "running", 1)
	db.Exec("SELECT tagexec.cancel_job($1)", id)
	waitState(t, db, "cancelled", 1)
	db.Insert(storetest.Row{"payload": `{"statement": "SELECT 1"}`})
	waitState(t, db, "succeeded", 1)
	p.Signal(syscall.SIGTERM)
	if code := p.Exit(); code != 143 {
		t.Errorf("exit code %d, want 143", code)
	}
}

// fallSilent waits until the executor has looked at the source. Then it hears
// nothing more, and so many new connections neither.
func fallSilent(t *testing.T, p *clitest.Process, source *storetest.Silent, clients int64) {
	t.Helper()
	clitest.Eventually(t, "an executor", func() bool { return strings.Contains(p.ErrOut.String(), "executor registered") })
	source.Hush()
	source.Next(clients)
}
