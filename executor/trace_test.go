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

// scribe is a Tracer that writes down what it is told, by job.
type scribe struct {
	mu    sync.Mutex
	lines map[int64][]string
}

type page struct {
	*scribe
	id int64
}

func (s *scribe) note(id int64, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lines == nil {
		s.lines = map[int64][]string{}
	}
	s.lines[id] = append(s.lines[id], fmt.Sprintf(format, args...))
}

func (s *scribe) Begin(ctx context.Context, job *store.Job, claimed time.Time) (context.Context, executor.Trace) {
	s.note(job.ID, "begin %s after the claim", time.Since(claimed))
	return executor.WithTraceparent(ctx, fmt.Sprintf("parent %d", job.ID)), page{s, job.ID}
}

func (p page) Ended(r *store.Result)    { p.note(p.id, "ended %s %s", r.Outcome, r.ErrorCode) }
func (p page) Recorded(fate store.Fate) { p.note(p.id, "recorded %s", fate) }

func (s *scribe) of(id int64) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint(s.lines[id])
}

func TestTracerFollowsAttempts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, s := newMemory(), &scribe{}
		good := m.add(1, store.Job{Tag: "good"})
		stuck := m.add(1, store.Job{Tag: "stuck", TimeoutSeconds: ptr(int32(1)), MaxAttempts: 1})
		waits := m.add(1, store.Job{Tag: "good"}) // until a worker is free
		run := func(ctx context.Context, j *store.Job) (executor.Report, error) {
			if got := executor.Traceparent(ctx); got != fmt.Sprintf("parent %d", j.ID) {
				t.Errorf("job %d runs below %q", j.ID, got)
			}
			if j.Tag == "stuck" {
				return stubborn(time.Minute)(ctx, j)
			}
			return takes(time.Second)(ctx, j)
		}
		p := start(t, generous(m), executor.Config{Tracer: s, Workers: 1}, run)
		pass(3 * time.Minute)
		for id, want := range map[int64]string{
			good:  "[begin 0s after the claim ended succeeded  recorded applied]",
			stuck: "[begin 1s after the claim ended timed_out timeout recorded applied]",
		} {
			if got := s.of(id); got != want {
				t.Errorf("job %d: %s, want %s", id, got, want)
			}
		}
		if got := s.of(waits); got == "[]" {
			t.Errorf("job %d: %s", waits, got)
		}
		p.stop(t)
	})
}

func TestNobodyTracesByDefault(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		m.add(1, store.Job{})
		p := start(t, m, executor.Config{}, func(ctx context.Context, _ *store.Job) (executor.Report, error) {
			if got := executor.Traceparent(ctx); got != "" {
				t.Errorf("runs below %q", got)
			}
			return executor.Report{}, nil
		})
		until(t, time.Minute, "the end", func() bool { return m.states()["succeeded"] == 1 })
		p.stop(t)
	})
}
