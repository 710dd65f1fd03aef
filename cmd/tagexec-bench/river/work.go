package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// worker's jobs do nothing.
type worker struct{ river.WorkerDefaults[args] }

func (worker) Work(context.Context, *river.Job[args]) error { return nil }

// reportEvery is the most that is reported at once.
const reportEvery = 1000

// work lets River work until ctx ends. River reports a job when its completion
// is stored, as its own benchmark counts.
func work(ctx context.Context, o options, db *pgxpool.Pool, stored func(int)) error {
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, worker{}); err != nil {
		return err
	}
	client, err := river.NewClient(riverpgxv5.New(db), &river.Config{
		Schema: o.Schema, Workers: workers,
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: max(1, o.Best.Workers/o.Processes)}},
		FetchCooldown:     time.Duration(o.Best.CooldownMS) * time.Millisecond,
		FetchPollInterval: time.Duration(o.Best.PollMS) * time.Millisecond,
		Logger:            slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	// The channel holds all there can be: River drops what does not fit.
	done, unsubscribe := client.SubscribeConfig(&river.SubscribeConfig{
		ChanSize: o.Pending + 1, Kinds: []river.EventKind{river.EventKindJobCompleted},
	})
	defer unsubscribe()
	// Started apart from ctx, which would cut off what is being stored.
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	n := count(ctx, done, stored)
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err = client.Stop(stopping)
	stored(n + len(done))
	return err
}

// count reports completed jobs, those that came together at once, and returns
// how many there were when ctx ended.
func count(ctx context.Context, done <-chan *river.Event, stored func(int)) int {
	n, reported := 0, 0
	for {
		select {
		case <-ctx.Done():
			return n
		case <-done:
			n++
			if n-reported >= reportEvery || len(done) == 0 {
				stored(n)
				reported = n
			}
		}
	}
}
