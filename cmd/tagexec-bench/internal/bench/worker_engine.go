package bench

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// engine is the executor as it is; its jobs do nothing, or wait for their end.
func (w *worker) engine() (role, func(), error) {
	run := nothing
	if w.Role == roleHold {
		run = w.holder()
	}
	pool, done, err := w.pool(run)
	if err != nil {
		return nil, nil, err
	}
	return pool.Run, done, nil
}

func nothing(context.Context, *store.Job) (executor.Report, error) { return executor.Report{}, nil }

// holder returns a runner whose jobs wait; it reports when all of them do.
func (w *worker) holder() executor.RunnerFunc {
	var running atomic.Int64
	return func(ctx context.Context, _ *store.Job) (executor.Report, error) {
		if n := int(running.Add(1)); n == w.Jobs {
			w.send(Message{Running: n})
		}
		<-ctx.Done()
		return executor.Report{}, context.Cause(ctx)
	}
}

// pool sets up an executor.
func (w *worker) pool(run executor.RunnerFunc) (*executor.Pool, func(), error) {
	st, err := store.Open(w.Database, "tagexec-bench executor")
	if err != nil {
		return nil, nil, err
	}
	config := executor.Config{
		Runners: executor.Runners{kind: run},
		Workers: w.Workers, PollInterval: w.Poll, Version: "bench",
		Log: slog.New(slog.DiscardHandler),
	}
	pool, err := executor.New(counted{st, w}, config)
	if err != nil {
		st.Close()
		return nil, nil, err
	}
	return pool, st.Close, nil
}

// counted is a queue that reports what it has stored, at the moment the database
// has confirmed it.
type counted struct {
	*store.Store
	w *worker
}

func (c counted) Register(ctx context.Context, e store.Executor) (store.Session, error) {
	s, err := c.Store.Register(ctx, e)
	if err == nil && c.w.PollOnly {
		s = pollOnly{s}
	}
	return s, err
}

func (c counted) Record(ctx context.Context, results []store.Result) ([]store.Fate, error) {
	fates, err := c.Store.Record(ctx, results)
	c.w.stored(applied(results, fates))
	return fates, err
}

// pollOnly is a session that nobody notifies, as behind a pooler.
type pollOnly struct{ store.Session }

func (pollOnly) Listen(ctx context.Context, _, _ func()) error {
	<-ctx.Done()
	return nil
}

// applied counts the jobs that are done.
func applied(results []store.Result, fates []store.Fate) (n int) {
	for i, fate := range fates {
		if results[i].Outcome == store.Succeeded && (fate == store.Applied || fate == store.Already) {
			n++
		}
	}
	return n
}
