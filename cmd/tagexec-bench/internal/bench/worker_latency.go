package bench

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/tagexec/tagexec/cmd/internal/wait"
	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

const (
	// latencyPoll is the executor's default, written down because the pauses
	// between inserts depend on it.
	latencyPoll = 250 * time.Millisecond

	// latencyLimit is how long a job may take to start.
	latencyLimit = 30 * time.Second
)

// latency is an executor or its floor, and in the same process, so by the same
// clock, a producer that inserts a job whenever the executor has been idle for
// longer than it polls.
func (w *worker) latency(ctx context.Context) (role, func(), error) {
	conn, err := connect(ctx, w.Database, nil)
	if err != nil {
		return nil, nil, err
	}
	started := make(chan time.Time, 1)
	start := w.latencyEngine
	if w.Role == roleLeast {
		start = w.latencyFloor
	}
	run, close, err := start(started)
	done := func() { _ = conn.Close(context.WithoutCancel(ctx)) }
	if err != nil {
		done()
		return nil, nil, err
	}
	do := func(ctx context.Context) error {
		both, ctx := errgroup.WithContext(ctx)
		both.Go(func() error { return run(ctx) })
		both.Go(func() error { return w.timeInserts(ctx, conn, started) })
		return both.Wait()
	}
	return do, func() { close(); done() }, nil
}

func (w *worker) latencyEngine(started chan<- time.Time) (role, func(), error) {
	w.Poll = latencyPoll
	pool, close, err := w.pool(func(context.Context, *store.Job) (executor.Report, error) {
		started <- time.Now()
		return executor.Report{}, nil
	})
	if err != nil {
		return nil, nil, err
	}
	return pool.Run, close, nil
}

func (w *worker) timeInserts(ctx context.Context, conn *pgx.Conn, started <-chan time.Time) error {
	var waits []float64
	for n := range w.Jobs + 1 {
		if _, err := conn.Exec(ctx, singleSQL, n, "daily_tags/2026-01-01", singlePayload); err != nil {
			return err
		}
		inserted := time.Now()
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(latencyLimit):
			return errors.New("a job did not start within " + latencyLimit.String())
		case at := <-started:
			if n > 0 { // the first finds an executor that has just begun
				waits = append(waits, max(0, at.Sub(inserted).Seconds()*1000))
				w.send(Message{Running: n})
			}
		}
		wait.For(ctx, latencyPoll+latencyPoll/2+rand.N(latencyPoll))
	}
	w.send(Message{Waits: waits})
	return nil
}
