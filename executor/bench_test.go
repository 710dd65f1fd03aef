package executor_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// endless is a queue that costs nothing, and its only session: what is measured
// is the engine.
type endless struct {
	left atomic.Int64 // jobs to hand out
	open atomic.Int64 // jobs to record
	last int64
	done chan struct{}
}

func (q *endless) Register(context.Context, store.Executor) (store.Session, error) { return q, nil }

func (q *endless) ID() string                              { return "endless" }
func (q *endless) Heartbeat(context.Context) (bool, error) { return false, nil }
func (q *endless) Stop(context.Context) error              { return nil }
func (q *endless) Avoid([]store.Unavailable)               {}

func (q *endless) GiveUp(context.Context) (int, error) { return 0, nil }

func (q *endless) Listen(ctx context.Context, _, _ func()) error { <-ctx.Done(); return nil }

func (q *endless) Reap(context.Context, time.Duration) (store.Reaped, error) {
	return store.Reaped{}, nil
}

func (q *endless) ExpireBatches(context.Context) (store.Expired, error) {
	return store.Expired{}, nil
}

func (q *endless) WriteMinutes(context.Context) (bool, error) { return false, nil }

func (q *endless) Running(context.Context) ([]store.Running, error) { return nil, nil }

func (q *endless) ClaimSuspect(context.Context) ([]store.Job, error) { return nil, nil }

func (q *endless) ShowOutput(context.Context, store.LiveOutput) (bool, error) { return false, nil }

func (q *endless) ForgetOutput(context.Context) error { return nil }

func (q *endless) Claim(_ context.Context, n int) (store.Claimed, error) {
	most := n
	n = int(min(int64(n), q.left.Load()))
	q.left.Add(-int64(n))
	jobs := make([]store.Job, n)
	for i := range jobs {
		q.last++
		jobs[i] = store.Job{Claim: store.Claim{ID: q.last, Attempt: 1}, Kind: "test", MaxAttempts: 3}
	}
	return store.Claimed{Jobs: jobs, More: n == most}, nil
}

func (q *endless) Record(_ context.Context, results []store.Result) ([]store.Fate, error) {
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
