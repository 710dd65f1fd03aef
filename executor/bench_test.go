package executor_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// endless is a queue that costs nothing: what is measured is the engine.
type endless struct {
	left atomic.Int64 // jobs to hand out
	open atomic.Int64 // jobs to record
	last int64
	done chan struct{}
}

func (*endless) Nap(ctx context.Context, _, _ func()) error { <-ctx.Done(); return nil }

func (q *endless) Register(context.Context, store.Executor) error { return nil }
func (q *endless) Heartbeat(context.Context, uuid.UUID) error     { return nil }
func (q *endless) Stop(context.Context, uuid.UUID) error          { return nil }
func (q *endless) Reap(context.Context, time.Duration) (store.Reaped, error) {
	return store.Reaped{}, nil
}

func (q *endless) Running(context.Context, uuid.UUID) ([]store.Running, error) { return nil, nil }

func (q *endless) Suspects() bool { return false }

func (q *endless) ClaimSuspect(context.Context, uuid.UUID) ([]store.Job, error) { return nil, nil }

func (q *endless) Claim(_ context.Context, id uuid.UUID, n int) ([]store.Job, error) {
	n = int(min(int64(n), q.left.Load()))
	q.left.Add(-int64(n))
	jobs := make([]store.Job, n)
	for i := range jobs {
		q.last++
		jobs[i] = store.Job{Claim: store.Claim{ID: q.last, Attempt: 1, Executor: id}, Kind: "test", MaxAttempts: 3}
	}
	return jobs, nil
}

func (q *endless) Record(_ context.Context, _ string, results []store.Result) ([]store.Fate, error) {
	fates := make([]store.Fate, len(results))
	for i := range fates {
		fates[i] = store.Applied
	}
	if q.open.Add(-int64(len(results))) == 0 {
		close(q.done)
	}
	return fates, nil
}

// One iteration is one job from claim to record. Allocations include the two
// of the queue's own (the job, and a share of its slice).
func BenchmarkEngine(b *testing.B) {
	b.ReportAllocs()
	q := &endless{done: make(chan struct{})}
	q.left.Store(int64(b.N))
	q.open.Store(int64(b.N))
	p := start(b, q, executor.Config{Workers: 16}, nothing)
	<-q.done
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
	p.stop(b)
}
