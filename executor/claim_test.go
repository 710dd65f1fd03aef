package executor_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// After pg-boss's "excess jobs restored … should not have retry_count inflated".
func TestClaimHandsBackWhatIsTooMuch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, g := newMemory(), &gauge{}
		m.add(3*maxPrefetch, store.Job{})
		p := start(t, generous(m), executor.Config{Workers: 2}, g.around(takes(time.Hour)))
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
func TestClaimIsRareWhenIdleAndWhenBusy(t *testing.T) {
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
func TestClaimFollowsARecordThatFreesAKeyOrASlot(t *testing.T) {
	for _, name := range []string{"mutex key", "slot"} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				m, g := newMemory(), &gauge{}
				if name == "slot" {
					m.limits[""] = 1
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

func TestClaimFillsAFreeWorkerAtOnce(t *testing.T) {
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

func TestClaimDoesNotStartAJobWhoseRunnerIsStuck(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, g := newMemory(), &gauge{}
		id := m.add(1, store.Job{TimeoutSeconds: ptr(int32(1)), MaxAttempts: 100})
		p := start(t, m, executor.Config{Workers: 4}, g.around(stubborn(10*time.Minute)))
		pass(9 * time.Minute)
		g.each(t, id, 1, 1)
		if n := len(m.history(id)); n < 2 || n > 12 {
			t.Errorf("%d attempts: want the job to be handed back, ever more rarely", n)
		}
		until(t, time.Hour, "the job begins again", func() bool { return g.begun(id) == 2 })
		p.stop(t)
		m.check(t)
		if g.twice {
			t.Error("the job ran twice at the same time")
		}
	})
}

// A claim that is answered when the lease cannot be trusted any more.
func TestClaimBeginsNothingWithoutATrustedLease(t *testing.T) {
	for name, job := range map[string]store.Job{"with a mutex key": {MutexKey: ptr("k")}, "without one": {}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				q := &slowAnswer{memory: newMemory()}
				d, g := &unheard{}, &gauge{}
				p := start(t, mixed{Queue: q, claim: q.claim, heartbeat: d.heartbeat}, executor.Config{}, g.around(takes(time.Hour)))
				pass(time.Second)
				d.fail.Store(true)
				q.delay.Store(int64(time.Minute))
				id := q.add(1, job)
				pass(90 * time.Second)
				if h := q.history(id); g.begun(id) != 0 || len(h) != 1 || h[0].Outcome != store.Interrupted {
					t.Errorf("begun %d times, history is %+v", g.begun(id), h)
				}
				p.stop(t)
				q.check(t)
			})
		})
	}
}

// A claim under way while the executor is reaped: either its jobs were taken
// away with the others, or it came through later and nobody will take them.
func TestClaimUnderWayWhileReapedBeginsNothing(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(map[bool]string{false: "committed before", true: "committed after"}[late], func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				m, g := newMemory(), &gauge{}
				var slow atomic.Bool
				claim := func(ctx context.Context, s store.Session, n int) (store.Claimed, error) {
					if !slow.Load() {
						return s.Claim(ctx, n)
					}
					if late {
						<-time.After(20 * time.Second)
					}
					claimed, err := s.Claim(ctx, n)
					if !late {
						<-time.After(20 * time.Second)
					}
					return claimed, err
				}
				p := start(t, mixed{Queue: m, claim: claim}, executor.Config{}, g.around(func(ctx context.Context, j *store.Job) (executor.Report, error) {
					if j.Attempt == 1 {
						t.Error("a claim of the old id began")
					}
					return executor.Report{}, nil
				}))
				pass(time.Second)
				id := m.add(1, store.Job{})
				slow.Store(true)
				pass(time.Second)
				m.reapNow()
				pass(15 * time.Second)
				slow.Store(false)
				until(t, time.Minute, "the job succeeds", func() bool { return m.states()["succeeded"] == 1 })
				if h := m.history(id); len(h) != 2 || (h[0].Outcome == store.Lost) == late {
					t.Errorf("history is %+v", h)
				}
				p.stop(t)
				m.check(t)
			})
		})
	}
}

// A reap or an operator can make a job pending that still runs here.
func TestClaimDoesNotStartAJobThatIsHeldHere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, g := newMemory(), &gauge{}
		id := m.add(1, store.Job{})
		p := start(t, m, executor.Config{}, g.around(func(ctx context.Context, j *store.Job) (executor.Report, error) {
			<-ctx.Done()
			<-time.After(2 * time.Second)
			return executor.Report{}, ctx.Err()
		}))
		pass(time.Second)
		m.do(func() { m.release(m.rows[id], 0) })
		pass(3 * time.Second)
		if n := m.rows[id].Attempt; n > 3 {
			t.Errorf("claimed %d times in 3 s", n)
		}
		until(t, time.Minute, "it begins again", func() bool { return g.begun(id) == 2 })
		if g.twice {
			t.Error("it ran twice at the same time")
		}
		p.stop(t)
	})
}

// A queue may answer with what it remembers first, and look for more at the next claim.
func TestClaimFollowsMoreAtOnceAlsoWithoutJobs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, asks := newMemory(), 0
		q := mixed{Queue: m, claim: func(ctx context.Context, s store.Session, n int) (store.Claimed, error) {
			if asks++; asks%3 != 0 {
				return store.Claimed{More: true}, nil
			}
			return s.Claim(ctx, n)
		}}
		run, began := startTimes()
		p := start(t, q, executor.Config{PollInterval: time.Minute, Lease: time.Hour, Heartbeat: time.Minute}, run)
		for range 3 {
			pass(time.Second) // it listens by then
			inserted := time.Now()
			m.insert(store.Job{})
			if late := (<-began).Sub(inserted); late != 0 {
				t.Errorf("the job began %s after its insert, want at once", late)
			}
		}
		p.stop(t)
		if asks > 60 {
			t.Errorf("%d claims for three jobs", asks)
		}
	})
}
