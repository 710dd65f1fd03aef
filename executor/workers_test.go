package executor_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

const (
	maxPrefetch = executor.MaxPrefetch
	killGrace   = executor.KillGrace
)

// After River's producer MaxWorkers.
func TestNeverMoreJobsRunThanThereAreWorkers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, g := newMemory(), &gauge{}
		first := m.add(500, store.Job{})
		p := start(t, m, executor.Config{Workers: 7}, g.around(takes(30*time.Millisecond)))
		until(t, time.Minute, "all jobs succeed", func() bool { return m.states()["succeeded"] == 500 })
		p.stop(t)
		if _, most := g.read(); most != 7 {
			t.Errorf("at most %d jobs ran at once, want 7", most)
		}
		g.each(t, first, 500, 1)
		m.check(t)
		if s := p.Stats(); s.Claimed != 500 || s.Recorded[store.Succeeded] != 500 || s.Refused+s.Missing+s.Stuck != 0 {
			t.Errorf("stats are %+v", s)
		}
	})
}

func TestLongJobsAreNotClaimedAhead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		m.add(200, store.Job{})
		p := start(t, slowClaims{m, 5 * time.Millisecond}, executor.Config{Workers: 4}, takes(10*time.Second))
		for range 600 {
			pass(100 * time.Millisecond)
			if n := m.states()["running"]; n > 4 {
				t.Fatalf("%d jobs are claimed for 4 workers", n)
			}
		}
		p.stop(t)
		m.check(t)
	})
}

// After Solid Queue's "claim and process more enqueued jobs than the pool size allows".
func TestShortJobsAreClaimedAheadWithinBounds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		m.add(8_000, store.Job{})
		p := start(t, slowClaims{m, 20 * time.Millisecond}, executor.Config{Workers: 4}, takes(time.Millisecond/10))
		until(t, time.Minute, "all jobs succeed", func() bool { return m.states()["succeeded"] == 8_000 })
		p.stop(t)
		most := 0
		for _, c := range m.claimed() {
			most = max(most, c.n)
		}
		if most < 300 || most > 4+maxPrefetch {
			t.Errorf("the largest claim asked for %d jobs, want many, but at most %d", most, 4+maxPrefetch)
		}
		m.check(t)
	})
}

// A burst of short jobs fills the queue ahead; when long ones follow they must
// not wait here for hours while another executor is idle.
func TestJobsClaimedAheadAreHandedBackWhenTheWorkersBecomeSlow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		short := m.add(8_000, store.Job{})
		long := m.add(500, store.Job{Tag: "long"})
		run := func(ctx context.Context, j store.Job) (executor.Outcome, error) {
			if j.Tag == "long" {
				return takes(time.Hour)(ctx, j)
			}
			return takes(time.Millisecond/10)(ctx, j)
		}
		g := &gauge{}
		p := start(t, slowClaims{m, 20 * time.Millisecond}, executor.Config{Workers: 4, JobTimeout: 2 * time.Hour}, g.around(run))
		until(t, time.Minute, "the short jobs succeed", func() bool { return m.states()["succeeded"] == 8_000 })
		pass(3 * time.Second)
		if n := m.states()["running"]; n != 4 {
			t.Errorf("%d long jobs are claimed for 4 workers", n)
		}
		g.each(t, short, 8_000, 1)
		if m.outcomes()[store.Interrupted] == 0 {
			t.Error("nothing was handed back: the test did not test anything")
		}
		m.do(func() {
			for id := long; id < long+500; id++ {
				if m.rows[id].Failures != 0 || g.begun(id) > 1 {
					t.Errorf("job %d: %d failures, %d runs", id, m.rows[id].Failures, g.begun(id))
				}
			}
		})
		p.stop(t)
		m.check(t)
	})
}

// After pg-boss's "excess jobs restored … should not have retry_count inflated".
func TestAClaimThatBringsTooManyJobsHandsTheRestBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, g := newMemory(), &gauge{}
		m.add(3*maxPrefetch, store.Job{})
		p := start(t, generous{m}, executor.Config{Workers: 2}, g.around(takes(time.Hour)))
		pass(100 * time.Millisecond)
		if n := m.states()["running"]; n > 2+maxPrefetch {
			t.Errorf("%d jobs are held", n)
		}
		p.stop(t)
		if n := m.states()["running"]; n != 0 {
			t.Errorf("%d jobs still run", n)
		}
		m.check(t)
	})
}

// After River's jitteredFetchPollInterval.
func TestIdleAndBusyExecutorsClaimRarely(t *testing.T) {
	tests := []struct {
		name string
		jobs int // at the start
		run  executor.RunnerFunc
		feed time.Duration // between jobs that are added later
		most int           // claims in 10 s
	}{
		{"nothing to do", 0, nothing, 0, 50},
		{"all workers run long jobs", 40, takes(time.Hour), 0, 5},
		{"some workers run long jobs", 4, takes(time.Hour), 0, 50},
		{"jobs come and end at a low rate", 4, takes(500 * time.Millisecond), time.Second, 80},
		{"full workers end jobs at a low rate", 1000, takes(4 * time.Second), 0, 30},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				m := newMemory()
				m.add(test.jobs, store.Job{})
				p := start(t, m, executor.Config{Workers: 8}, test.run)
				pass(10 * time.Second)
				before := len(m.claimed())
				for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
					if test.feed > 0 {
						m.add(1, store.Job{})
					}
					pass(max(test.feed, time.Second))
				}
				if n := len(m.claimed()) - before; n > test.most {
					t.Errorf("%d claims in 10 s, want at most %d", n, test.most)
				}
				p.stop(t)
			})
		})
	}
}

// A chain of jobs with one mutex key, or a pool with one slot, must not wait a
// poll interval between one job and the next.
func TestARecordThatFreesAKeyOrASlotLeadsToAClaim(t *testing.T) {
	for _, name := range []string{"mutex key", "slot"} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				m, g := newMemory(), &gauge{}
				if name == "slot" {
					m.limit = 1
					m.add(100, store.Job{})
				} else {
					m.add(100, store.Job{MutexKey: ptr("k")})
				}
				began := time.Now()
				p := start(t, m, executor.Config{Workers: 8}, g.around(takes(10*time.Millisecond)))
				until(t, 10*time.Second, "all jobs succeed", func() bool { return m.states()["succeeded"] == 100 })
				if took := time.Since(began); took > 1500*time.Millisecond {
					t.Errorf("100 jobs of 10 ms, one at a time, took %s", took)
				}
				if _, most := g.read(); most != 1 {
					t.Errorf("%d jobs ran at once", most)
				}
				p.stop(t)
			})
		})
	}
}

func TestAFreeWorkerGetsAJobAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		m.add(80, store.Job{})
		began := time.Now()
		p := start(t, m, executor.Config{Workers: 4}, takes(time.Second))
		until(t, time.Minute, "all jobs succeed", func() bool { return m.states()["succeeded"] == 80 })
		if took := time.Since(began); took > 20*time.Second+50*time.Millisecond {
			t.Errorf("20 rounds of 1 s took %s", took)
		}
		p.stop(t)
	})
}

// After Oban's "additional jobs aren't started after shutdown starts".
func TestNothingIsClaimedAfterTheContextEnded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		m.add(1000, store.Job{})
		p := start(t, m, executor.Config{Workers: 4, Grace: 10 * time.Second}, takes(time.Second))
		pass(500 * time.Millisecond)
		ended := time.Now()
		p.stop(t)
		for _, c := range m.claimed() {
			if c.at.After(ended) {
				t.Errorf("claimed %s after the end", c.at.Sub(ended))
			}
		}
		if s := m.states(); s["succeeded"] != 4 || s["running"] != 0 {
			t.Errorf("states are %v", s)
		}
		m.check(t)
	})
}

func TestGoexitDoesNotShrinkThePool(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, g := newMemory(), &gauge{}
		bad := m.add(20, store.Job{Tag: "exit", MaxAttempts: 1})
		m.add(40, store.Job{})
		p := start(t, m, executor.Config{Workers: 3}, g.around(func(ctx context.Context, j store.Job) (executor.Outcome, error) {
			if j.Tag == "exit" {
				runtime.Goexit()
			}
			return takes(time.Second)(ctx, j)
		}))
		until(t, time.Minute, "all jobs end", func() bool { s := m.states(); return s["succeeded"] == 40 && s["failed"] == 20 })
		if _, most := g.read(); most != 3 {
			t.Errorf("%d jobs ran at once, want 3", most)
		}
		r := m.history(bad)[0]
		if r.ErrorCode != "panic" || r.Error != "the runner ended its goroutine with runtime.Goexit" {
			t.Errorf("recorded %+v", r.Result)
		}
		p.stop(t)
		m.check(t)
	})
}

func TestRunIsRefusedTwice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := start(t, newMemory(), executor.Config{}, nothing)
		pass(time.Second)
		p.stop(t)
		if err := p.Run(context.Background()); err == nil {
			t.Error("the second Run returned nil")
		}
	})
}

func TestRunFailsWhenItCannotRegister(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := start(t, unregistrable{newMemory()}, executor.Config{}, nothing)
		<-p.done
		if p.err == nil {
			t.Error("Run returned nil")
		}
	})
}

func TestNewRefusesAWrongConfiguration(t *testing.T) {
	good := func() executor.Config {
		return executor.Config{Queue: newMemory(), Workers: 1, Runners: map[string]executor.Runner{"test": executor.RunnerFunc(nothing)}}
	}
	if _, err := executor.New(good()); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*executor.Config){
		"no queue":                             func(c *executor.Config) { c.Queue = nil },
		"no runners":                           func(c *executor.Config) { c.Runners = nil },
		"no workers":                           func(c *executor.Config) { c.Workers = 0 },
		"negative poll interval":               func(c *executor.Config) { c.PollInterval = -1 },
		"negative grace":                       func(c *executor.Config) { c.Grace = -1 },
		"heartbeat slower than half the lease": func(c *executor.Config) { c.Lease, c.Heartbeat = 9*time.Second, 5*time.Second },
	} {
		c := good()
		spoil(&c)
		if _, err := executor.New(c); err == nil {
			t.Errorf("%s: New returned nil", name)
		}
	}
}

// slowClaims is a database that is far away.
type slowClaims struct {
	*memory
	takes time.Duration
}

func (q slowClaims) Claim(ctx context.Context, executor uuid.UUID, n int) ([]store.Job, error) {
	jobs, err := q.memory.Claim(ctx, executor, n)
	<-time.After(q.takes)
	return jobs, err
}

// generous claims more than it is asked for.
type generous struct{ *memory }

func (q generous) Claim(ctx context.Context, executor uuid.UUID, n int) ([]store.Job, error) {
	return q.memory.Claim(ctx, executor, 2*maxPrefetch)
}

type unregistrable struct{ *memory }

func (unregistrable) Register(context.Context, store.Executor) error { return fmt.Errorf("no") }
