package executor_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// witness is an Observer that remembers all it is told.
type witness struct {
	mu      sync.Mutex
	claimed int // jobs
	empty   int // claims that brought nothing
	slowest time.Duration
	ended   []executor.Ended
	given   int // results
	reaped  [2]int
	failed  map[string]int // by operation
}

func (w *witness) Claimed(jobs int, took time.Duration, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.claimed += jobs
	w.slowest = max(w.slowest, took)
	if jobs == 0 && err == nil {
		w.empty++
	}
}

func (w *witness) Ended(attempts []executor.Ended) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range attempts {
		job := *e.Job
		e.Job = &job
		w.ended = append(w.ended, e)
	}
}

func (w *witness) Recorded(results int, _ time.Duration, _ error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.given += results
}

func (w *witness) Reaped(executors, jobs int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reaped[0] += executors
	w.reaped[1] += jobs
}

func (w *witness) Failed(operation string, _ error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed == nil {
		w.failed = map[string]int{}
	}
	w.failed[operation]++
}

// of returns the attempts of a job, oldest first.
func (w *witness) of(id int64) []executor.Ended {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.ended), func(e executor.Ended) bool { return e.Job.ID != id })
}

func TestObserverIsToldHowAttemptsEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, w := newMemory(), &witness{}
		good := m.add(1, store.Job{Tag: "good", Pool: "default", RunAt: time.Now().Add(-time.Minute)})
		bad := m.add(1, store.Job{Tag: "bad", MaxAttempts: 1})
		run := func(ctx context.Context, j *store.Job) (executor.Report, error) {
			<-time.After(time.Second)
			if j.Tag == "bad" {
				return executor.Report{}, executor.Failf("broken", "it broke")
			}
			return executor.Report{}, nil
		}
		p := start(t, slowClaims(m, 2*time.Second), executor.Config{Observer: w}, run)
		until(t, time.Minute, "the end of both", func() bool { return p.Stats().Recorded[store.Failed] == 1 && p.Stats().Recorded[store.Succeeded] == 1 })
		g := w.of(good)
		if len(g) != 1 || g[0].Outcome != store.Succeeded || g[0].Fate != store.Applied || g[0].Waited != 62*time.Second || g[0].Ran != time.Second || g[0].Job.Pool != "default" || g[0].Lost {
			t.Errorf("good: %+v", g)
		}
		if b := w.of(bad); len(b) != 1 || b[0].Outcome != store.Failed || b[0].ErrorCode != "broken" || b[0].Ran != time.Second {
			t.Errorf("bad: %+v", b)
		}
		p.stop(t)
		if w.claimed != 2 || w.empty == 0 || w.given != 2 || w.slowest != 2*time.Second || len(w.failed) != 0 {
			t.Errorf("%+v", w)
		}
	})
}

func TestObserverIsToldOfLostClaimsAndOfTheDead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, w := newMemory(), &witness{}
		taken := m.add(1, store.Job{})
		stays := m.add(1, store.Job{})
		p := start(t, m, executor.Config{Observer: w}, takes(time.Hour))
		pass(time.Second)
		dead := m.register(t)
		orphan := m.add(1, store.Job{Kind: "other"})
		m.do(func() {
			dead.take(m.rows[orphan])
			m.rows[taken].Attempt++ // somebody else claimed it
			m.rows[taken].Executor = uuid.New()
		})
		until(t, time.Minute, "the end of what was taken", func() bool { return p.Stats().Refused == 1 })
		if e := w.of(taken); len(e) != 1 || !e[0].Lost || e[0].Fate != store.Refused {
			t.Errorf("taken: %+v", e)
		}
		until(t, 2*time.Minute, "a reap", func() bool { return m.gone(dead) })
		p.stop(t)
		if w.reaped != [2]int{1, 1} {
			t.Errorf("reaped %v", w.reaped)
		}
		if e := w.of(stays); len(e) != 1 || e[0].Lost || e[0].Outcome != store.Interrupted {
			t.Errorf("stays: %+v", e)
		}
	})
}

func TestObserverIsToldOfEachFailureOfTheDatabase(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, w := newMemory(), &witness{}
		down := errors.New("down")
		q := mixed{Queue: m,
			claim:     func(context.Context, store.Session, int) (store.Claimed, error) { return store.Claimed{}, down },
			heartbeat: func(context.Context, store.Session) (bool, error) { return false, down },
			running:   func(context.Context, store.Session) ([]store.Running, error) { return nil, down },
		}
		p := start(t, q, executor.Config{Observer: w}, nothing)
		pass(20 * time.Second)
		p.cancel()
		<-p.done
		for _, operation := range []string{"claim", "heartbeat", "read back"} {
			if w.failed[operation] < 2 {
				t.Errorf("%s failed %d times", operation, w.failed[operation])
			}
		}
		if len(w.failed) != 3 {
			t.Errorf("%v", w.failed)
		}
	})
}

func TestLoadIsWhatThePoolIsBusyWith(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := &recorder{memory: newMemory(), takes: time.Minute}
		if p, err := executor.New(q, executor.Config{Runners: executor.Runners{"test": executor.RunnerFunc(nothing)}, Workers: 3}); err != nil || p.Load() != (executor.Load{Workers: 3}) {
			t.Fatalf("before Run: %+v, %v", p.Load(), err)
		}
		q.add(2, store.Job{Tag: "short"})
		q.add(1, store.Job{})
		p := start(t, q, executor.Config{}, func(ctx context.Context, j *store.Job) (executor.Report, error) {
			if j.Tag == "short" {
				return executor.Report{}, nil
			}
			return takes(time.Hour)(ctx, j)
		})
		pass(time.Second)
		l := p.Load()
		if l.Workers != 4 || l.Busy != 1 || l.Stuck != 0 || l.Waiting != 2 || l.WaitingBytes < 1<<10 || l.Lease < 20*time.Second || l.Lease > 30*time.Second {
			t.Errorf("%+v", l)
		}
		p.stop(t)
	})
}

func TestLoadCountsStuckWorkersAsBusy(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := &recorder{memory: newMemory(), takes: time.Minute}
		q.add(1, store.Job{TimeoutSeconds: ptr(int32(1))})
		p := start(t, q, executor.Config{}, stubborn(time.Hour))
		pass(2*time.Second + killGrace)
		if l := p.Load(); l.Busy != 1 || l.Stuck != 1 || l.Waiting != 1 {
			t.Errorf("%+v", l)
		}
		p.stop(t)
	})
}
