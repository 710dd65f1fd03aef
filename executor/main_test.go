package executor_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// bubble runs a test in parallel with the others, in fake time.
func bubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { <-time.After(3 * time.Hour) }) // the last to run: Runners that ignore their context return
		test(t)
	})
}

// running is a Pool whose Run is under way.
type running struct {
	*executor.Pool
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

// start runs a Pool on q. Zero fields of c get values for tests.
func start(t testing.TB, q executor.Queue, c executor.Config, run executor.RunnerFunc) *running {
	t.Helper()
	if c.Workers == 0 {
		c.Workers = 4
	}
	if c.Runners == nil {
		c.Runners = executor.Runners{"test": run}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	p, err := executor.New(q, c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Pool: p, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.err = p.Run(ctx)
	}()
	t.Cleanup(cancel)
	return r
}

// stop ends the Pool and returns how long that took.
func (r *running) stop(t testing.TB) time.Duration {
	t.Helper()
	began := time.Now()
	r.cancel()
	<-r.done
	if r.err != nil {
		t.Errorf("Run: %v", r.err)
	}
	return time.Since(began)
}

// until lets fake time pass until the condition holds.
func until(t *testing.T, within time.Duration, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(within); ; {
		synctest.Wait()
		if holds() {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", within, what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// pass lets fake time pass.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// nothing is a Runner that does nothing.
func nothing(context.Context, *store.Job) (executor.Report, error) { return executor.Report{}, nil }

// takes returns a Runner that takes so long, or until its context ends.
func takes(d time.Duration) executor.RunnerFunc {
	return func(ctx context.Context, _ *store.Job) (executor.Report, error) {
		select {
		case <-time.After(d):
			return executor.Report{}, nil
		case <-ctx.Done():
			return executor.Report{}, context.Cause(ctx)
		}
	}
}

// stubborn returns a Runner that ignores its context for so long.
func stubborn(d time.Duration) executor.RunnerFunc {
	return func(context.Context, *store.Job) (executor.Report, error) {
		<-time.After(d)
		return executor.Report{}, nil
	}
}

// gauge counts how many goroutines are in it, and the most there ever were.
type gauge struct {
	mu        sync.Mutex
	now, most int
	runs      map[int64]int // runs begun, by job
	twice     bool          // a job ran twice at the same time
	inside    map[int64]int
}

func (g *gauge) around(run executor.RunnerFunc) executor.RunnerFunc {
	return func(ctx context.Context, j *store.Job) (executor.Report, error) {
		g.enter(j.ID)
		defer g.leave(j.ID)
		return run(ctx, j)
	}
}

func (g *gauge) enter(id int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.runs == nil {
		g.runs, g.inside = map[int64]int{}, map[int64]int{}
	}
	g.now++
	g.most = max(g.most, g.now)
	g.runs[id]++
	g.inside[id]++
	g.twice = g.twice || g.inside[id] > 1
}

func (g *gauge) leave(id int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now--
	g.inside[id]--
}

func (g *gauge) read() (now, most int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now, g.most
}

func (g *gauge) begun(id int64) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.runs[id]
}

// each fails unless every job in the range ran so many times.
func (g *gauge) each(t *testing.T, first int64, n, times int) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	for id := first; id < first+int64(n); id++ {
		if g.runs[id] != times {
			t.Errorf("job %d ran %d times, want %d", id, g.runs[id], times)
		}
	}
	if g.twice {
		t.Error("a job ran twice at the same time")
	}
}

func ptr[T any](v T) *T { return &v }

const (
	maxPrefetch = executor.MaxPrefetch
	maxBehind   = executor.MaxBehind
	killGrace   = executor.KillGrace
)
