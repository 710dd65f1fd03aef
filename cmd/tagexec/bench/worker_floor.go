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

// loop claims and records until nothing is left. As in the engine, a result
// whose row is locked for a moment, by a claim that looks at it, is stored with
// the next.
func (w *worker) loop(ctx context.Context, q *store.Queue) error {
	e := floorExecutor(floorBatch)
	if err := q.Register(ctx, e); err != nil {
		return err
	}
	var results []store.Result
	for ctx.Err() == nil {
		jobs, err := q.Claim(ctx, e.ID, floorBatch)
		if err != nil {
			return err
		}
		for _, job := range jobs {
			results = append(results, store.Result{Claim: job.Claim, Outcome: store.Succeeded})
		}
		if len(results) == 0 {
			return q.Stop(ctx, e.ID)
		}
		fates, err := q.Record(context.WithoutCancel(ctx), e.Hostname, results)
		if err != nil {
			return err
		}
		w.stored(applied(results, fates))
		results = locked(results, fates)
	}
	return nil
}

// floorExecutor is who claims.
func floorExecutor(workers int) store.Executor {
	return store.Executor{ID: uuid.New(), Hostname: "floor", PID: os.Getpid(), Version: "bench", Workers: workers, Kinds: []string{kind}, Lease: time.Hour}
}

func locked(results []store.Result, fates []store.Fate) (left []store.Result) {
	for i, fate := range fates {
		if fate == store.Locked {
			left = append(left, results[i])
		}
	}
	return left
}
