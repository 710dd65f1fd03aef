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

func nothing(context.Context, store.Job) (executor.Outcome, error) { return executor.Outcome{}, nil }

// holder returns a runner whose jobs wait; it tells when all of them do.
func (w *worker) holder() executor.RunnerFunc {
	var running atomic.Int64
	return func(ctx context.Context, _ store.Job) (executor.Outcome, error) {
		if n := int(running.Add(1)); n == w.Jobs {
			w.tell(Message{Running: n})
		}
		<-ctx.Done()
		return executor.Outcome{}, context.Cause(ctx)
	}
}

// pool sets up an executor.
func (w *worker) pool(run executor.RunnerFunc) (*executor.Pool, func(), error) {
	st, err := store.Open(w.Database, "tagexec bench executor")
	if err != nil {
		return nil, nil, err
	}
	config := executor.Config{
		Queue:   counted{st.Queue(store.QueueConfig{Kinds: []string{kind}}), w},
		Runners: map[string]executor.Runner{kind: run},
		Workers: w.Workers, PollInterval: w.Poll, Version: "bench",
		Log: slog.New(slog.DiscardHandler),
	}
	pool, err := executor.New(config)
	if err != nil {
		st.Close()
		return nil, nil, err
	}
	return pool, st.Close, nil
}

// counted is a queue that tells what it has stored, at the moment the database
// says so.
type counted struct {
	*store.Queue
	w *worker
}

func (c counted) Record(ctx context.Context, hostname string, results []store.Result) ([]store.Fate, error) {
	fates, err := c.Queue.Record(ctx, hostname, results)
	c.w.stored(applied(results, fates))
	return fates, err
}

// Nap leaves an executor that is to poll only asleep, as a pooler in the way would.
func (c counted) Nap(ctx context.Context, asleep, wake func()) error {
	if c.w.PollOnly {
		<-ctx.Done()
		return nil
	}
	return c.Queue.Nap(ctx, asleep, wake)
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
