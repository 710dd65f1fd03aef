package executor_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// After Oban's "additional jobs aren't started after shutdown starts".
func TestRunClaimsNothingAfterItsContextEnded(t *testing.T) {
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

type unregistrable struct{ *memory }

func (unregistrable) Register(context.Context, store.Executor) (store.Session, error) {
	return nil, fmt.Errorf("no")
}

// After River's SoftStopCancelMakesJobAvailable…, JobsInProgressFailingToCompleteBeforeStopContext and EscalatesToHardStopAfterTimeout, and Oban's "reporting jobs still executing after the shutdown period".
func TestRunShutsDown(t *testing.T) {
	tests := []struct {
		name      string
		grace     time.Duration
		run       executor.RunnerFunc
		down      bool // the database is away from before the end on
		hangs     bool
		succeeded int // of 4 that run when the context ends
		running   int // rows left running
		takes     [2]time.Duration
	}{
		{
			name: "grace long enough", grace: 20 * time.Second, run: takes(5 * time.Second), succeeded: 4,
			takes: [2]time.Duration{3 * time.Second, 5 * time.Second},
		},
		{
			name: "grace over", grace: 2 * time.Second, run: takes(time.Hour),
			takes: [2]time.Duration{2 * time.Second, 3 * time.Second},
		},
		{name: "no grace", run: takes(time.Hour), takes: [2]time.Duration{0, time.Second}},
		{
			name: "stuck runner", grace: 2 * time.Second, run: stubborn(time.Minute),
			takes: [2]time.Duration{2*time.Second + killGrace, 7 * time.Second},
		},
		{
			name: "database refuses", grace: 2 * time.Second, run: takes(time.Hour), down: true, running: 4,
			takes: [2]time.Duration{2 * time.Second, 7 * time.Second},
		},
		{
			name: "database hangs", grace: 2 * time.Second, run: takes(time.Hour), down: true, hangs: true, running: 4,
			takes: [2]time.Duration{2 * time.Second, 7 * time.Second},
		},
		{
			name: "stuck runner and database hangs", grace: 2 * time.Second, run: stubborn(time.Minute), down: true, hangs: true, running: 4,
			takes: [2]time.Duration{2 * time.Second, 7 * time.Second},
		},
		{
			name: "database refuses and grace long enough", grace: 20 * time.Second, run: takes(5 * time.Second), down: true, running: 4,
			takes: [2]time.Duration{3 * time.Second, 25 * time.Second},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				q := &away{memory: newMemory()}
				first := q.add(6, store.Job{})
				p := start(t, q.queue(), executor.Config{Grace: test.grace, Heartbeat: time.Second}, test.run)
				pass(time.Second)
				q.hangs.Store(test.hangs)
				q.down.Store(test.down)
				pass(100 * time.Millisecond)
				took := p.stop(t)
				if took < test.takes[0] || took > test.takes[1] {
					t.Errorf("stopping took %s, want from %s to %s", took, test.takes[0], test.takes[1])
				}
				states := q.states()
				if states["succeeded"] != test.succeeded || states["running"] != test.running {
					t.Errorf("states are %v", states)
				}
				q.do(func() {
					for id := first; id < first+6; id++ {
						if q.rows[id].Failures != 0 {
							t.Errorf("job %d: a failure was counted", id)
						}
					}
					if e := q.sessions[0]; e.stopped != (test.running == 0) {
						t.Errorf("signed off: %t", e.stopped)
					}
				})
				q.check(t)
			})
		})
	}
}

// After River's WithContinualInsertionNoJobsLeftRunning, Stop_ContextImmediatelyCancelled and StartStopStress, and pg-boss's concurrent start and stop.
func TestRunLeavesNothingRunningWhilePoolsStartAndStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, g := newMemory(), &gauge{}
		var inserts sync.WaitGroup
		ended := make(chan struct{})
		inserts.Go(func() {
			for !closed(ended) {
				m.add(1, store.Job{})
				<-time.After(5 * time.Millisecond)
			}
		})
		for i := range 30 {
			one := start(t, m, executor.Config{}, g.around(takes(30*time.Millisecond)))
			other := start(t, m, executor.Config{Grace: time.Second}, g.around(takes(30*time.Millisecond)))
			pass(time.Duration(i%7)*20*time.Millisecond + time.Nanosecond)
			one.stop(t)
			other.stop(t)
			if n := m.states()["running"]; n != 0 {
				t.Errorf("%d jobs run when nobody is there", n)
			}
		}
		close(ended)
		inserts.Wait()
		if m.states()["succeeded"] == 0 || g.twice {
			t.Errorf("states are %v, run twice at once: %t", m.states(), g.twice)
		}
		m.check(t)
	})
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestRunHandsBackWhatHasNotBegunAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, g := newMemory(), &gauge{}
		m.add(50, store.Job{})
		p := start(t, generous(m), executor.Config{Workers: 2, Grace: time.Minute}, g.around(takes(30*time.Second)))
		pass(100 * time.Millisecond)
		if n := m.states()["running"]; n != 50 {
			t.Fatalf("%d jobs are claimed, want 50", n)
		}
		p.cancel()
		pass(executor.LastClaim + 50*time.Millisecond)
		if s := m.states(); s["running"] != 2 || s["pending"] != 48 {
			t.Errorf("states are %v", s)
		}
		p.stop(t)
		if s := m.states(); s["succeeded"] != 2 {
			t.Errorf("states are %v", s)
		}
		if now, most := g.read(); now != 0 || most != 2 {
			t.Errorf("%d run now, %d at most", now, most)
		}
		m.check(t)
	})
}

func TestRunLosesNoClaimUnderWayAtTheEnd(t *testing.T) {
	for name, delay := range map[string]time.Duration{
		"answered in time": executor.LastClaim / 2, "cut off": time.Minute,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				q, g := &slowAnswer{memory: newMemory()}, &gauge{}
				p := start(t, mixed{Queue: q, claim: q.claim}, executor.Config{Grace: time.Minute}, g.around(takes(time.Second)))
				pass(time.Second)
				q.delay.Store(int64(delay))
				id := q.add(1, store.Job{})
				until(t, time.Second, "the job is claimed", func() bool { return q.states()["running"] == 1 })
				if took := p.stop(t); took > time.Second {
					t.Errorf("stopping took %s", took)
				}
				if g.begun(id) != 0 {
					t.Error("the job began after the end")
				}
				if h := q.history(id); len(h) != 1 || h[0].Outcome != store.Interrupted {
					t.Errorf("history is %+v", h)
				}
				// Cut off, the claim might come through later: then a reap must find it.
				q.do(func() {
					if e := q.sessions[0]; e.stopped == (name == "cut off") {
						t.Errorf("signed off: %t", e.stopped)
					}
				})
				q.check(t)
			})
		})
	}
}

// flaky fails to record while the jobs end, and works again just before the last moment.
type flaky struct {
	*memory
	failUntil time.Time
}

func (q *flaky) Record(ctx context.Context, results []store.Result) ([]store.Fate, error) {
	if time.Now().Before(q.failUntil) {
		return nil, errAway
	}
	return q.memory.Record(ctx, results)
}

func TestRunUsesTheLastMomentForResultsThatWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := &flaky{memory: newMemory()}
		q.add(4, store.Job{})
		q.failUntil = time.Now().Add(19950 * time.Millisecond) // the tries are 1 to 2 s apart by then
		p := start(t, q, executor.Config{Grace: 2 * time.Second}, func(ctx context.Context, j *store.Job) (executor.Report, error) {
			return takes(time.Second)(ctx, j)
		})
		pass(20 * time.Second)
		p.stop(t)
		if s := q.states(); s["succeeded"] != 4 {
			t.Errorf("states are %v", s)
		}
		q.check(t)
	})
}
