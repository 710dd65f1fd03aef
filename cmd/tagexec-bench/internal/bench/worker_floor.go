package bench

import (
	"context"
	"os"
	"time"

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
	st, err := store.Open(w.Database, "tagexec-bench floor")
	if err != nil {
		return nil, nil, err
	}
	do := func(ctx context.Context) error {
		loops, ctx := errgroup.WithContext(ctx)
		for range floorLoops {
			loops.Go(func() error { return w.loop(ctx, st) })
		}
		return loops.Wait()
	}
	return do, st.Close, nil
}

// loop claims and records until nothing is left. As in the engine, a result
// whose row is locked for a moment, by a claim that looks at it, is stored with
// the next.
func (w *worker) loop(ctx context.Context, st *store.Store) error {
	e := floorExecutor(floorBatch)
	session, err := st.Register(ctx, e)
	if err != nil {
		return err
	}
	var results []store.Result
	for ctx.Err() == nil {
		claimed, err := session.Claim(ctx, floorBatch)
		if err != nil {
			return err
		}
		for _, job := range claimed.Jobs {
			results = append(results, store.Result{Claim: job.Claim, Outcome: store.Succeeded})
		}
		switch {
		case len(results) > 0:
		case claimed.More:
			continue
		default:
			return session.Stop(ctx)
		}
		fates, err := st.Record(context.WithoutCancel(ctx), results)
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
	return store.Executor{Hostname: "floor", PID: os.Getpid(), Version: "bench", Workers: workers, Kinds: []string{kind}, Lease: time.Hour}
}

func locked(results []store.Result, fates []store.Fate) (left []store.Result) {
	for i, fate := range fates {
		if fate == store.Locked {
			left = append(left, results[i])
		}
	}
	return left
}
