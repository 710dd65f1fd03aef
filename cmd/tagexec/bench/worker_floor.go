package bench

import (
	"context"
	"os"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/tagexec/tagexec/store"
)

const (
	floorLoops = 2
	floorBatch = 1000 // jobs of a claim and of a record
)

// floor is what the statements can do: loops that claim and record, with
// nothing in between.
func (w *worker) floor() (role, func(), error) {
	st, err := store.Open(w.Database, "tagexec bench floor")
	if err != nil {
		return nil, nil, err
	}
	do := func(ctx context.Context) error {
		loops, ctx := errgroup.WithContext(ctx)
		for range floorLoops {
			loops.Go(func() error { return w.loop(ctx, st.Queue(store.QueueConfig{Kinds: []string{kind}})) })
		}
		return loops.Wait()
	}
	return do, st.Close, nil
}

// loop claims and records until nothing is left.
func (w *worker) loop(ctx context.Context, q *store.Queue) error {
	e := store.Executor{ID: uuid.New(), Hostname: "floor", PID: os.Getpid(), Version: "bench", Workers: floorBatch, Kinds: q.Kinds, Lease: time.Hour}
	if err := q.Register(ctx, e); err != nil {
		return err
	}
	for {
		jobs, err := q.Claim(ctx, e.ID, floorBatch)
		if err != nil {
			return err
		}
		if len(jobs) == 0 {
			return q.Stop(ctx, e.ID)
		}
		results := make([]store.Result, len(jobs))
		for i, job := range jobs {
			results[i] = store.Result{Claim: job.Claim, Outcome: store.Succeeded}
		}
		fates, err := q.Record(ctx, e.Hostname, results)
		if err != nil {
			return err
		}
		w.stored(applied(results, fates))
	}
}
