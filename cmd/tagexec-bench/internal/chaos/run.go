package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/wait"
)

// Options of a run.
type Options struct {
	Database   string // URL of a migrated queue without jobs, which is left full of them
	Server     Server // what runs the database, if it may be stopped; else nil
	Clock      Clock  // what moves the server's clock, which is ours otherwise; nil: NoClock says why there is none
	NoClock    string
	Dir        string        // empty directory for the jobs' history and the executors' logs
	Executable string        // the tagexec program
	Duration   time.Duration // of the faults
	Seed       uint64
	Show       func(done, total int, detail string) // progress
}

// Server is a Postgres server that may be stopped.
type Server interface {
	StopImmediate() error
	Restart(ctx context.Context) error
}

const (
	drainLimit  = 3 * time.Minute
	reportEvery = 200 * time.Millisecond
)

// errDrain ends the wait for jobs that do not end; they are reported as lost.
var errDrain = errors.New("the queue was not drained in time")

// Run makes a run. What breaks a promise is in the Report; an error means that
// there is none, because ctx ended or the run itself could not go on.
func Run(ctx context.Context, o Options) (*Report, error) {
	b, err := newTestbed(ctx, o)
	if err != nil {
		return nil, err
	}
	defer b.close()
	began := time.Now()
	if err := b.startExecutors(ctx); err != nil {
		return nil, err
	}
	watching, stopWatching := context.WithCancel(ctx)
	defer stopWatching()
	var watch sync.WaitGroup
	watch.Go(func() { b.watchLimits(watching) })
	watch.Go(func() { b.watchTables(watching) })
	watch.Go(func() { b.watchReaps(watching) })
	watch.Go(func() { b.watchMemory(watching) })
	watch.Go(func() { b.holdLocks(watching, rand.New(rand.NewPCG(b.Seed, 99))) })
	watch.Go(func() { b.showProgress(watching, began) })
	defer func() { stopWatching(); watch.Wait() }()

	b.disturb(ctx)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	drain := time.Now()
	if err := b.drain(ctx); err != nil && !errors.Is(err, errDrain) {
		return nil, err
	}
	b.drained = time.Since(drain)
	b.stopExecutors()
	stopWatching()
	watch.Wait()
	return b.check(ctx)
}

// disturb lets producers, operators, an analyst and faults loose for the duration. When it
// returns, all faults have been taken back.
func (b *testbed) disturb(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, b.Duration)
	defer cancel()
	var actors sync.WaitGroup
	for i, act := range []func(context.Context, *rand.Rand){
		b.injectFaults, b.operate, b.produceInserts, b.produceCopies, b.produceSubmissions,
	} {
		actors.Go(func() { act(ctx, rand.New(rand.NewPCG(b.Seed, uint64(i)))) })
	}
	actors.Wait()
}

// drain waits until every job is final.
func (b *testbed) drain(ctx context.Context) error {
	b.phase.Store(draining)
	if err := b.restorePools(ctx); err != nil {
		return err
	}
	for end := time.Now().Add(drainLimit); time.Now().Before(end); wait.For(ctx, reportEvery) {
		open := -1
		err := b.db.QueryRow(ctx, "SELECT count(*) FROM tagexec.tag_jobs WHERE state IN ('pending', 'running')").Scan(&open)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && !passing(err):
			return fmt.Errorf("wait for the jobs to end: %w", err)
		case open == 0:
			return nil
		}
	}
	return errDrain
}

// showProgress shows how far the run is until ctx ends.
func (b *testbed) showProgress(ctx context.Context, began time.Time) {
	for ctx.Err() == nil {
		done, total := int(b.done.Load()), int(b.total.Load())
		what := fmt.Sprintf("%d faults, %s of %s", b.faults.sum(), time.Since(began).Round(time.Second), b.Duration)
		if b.phase.Load() == draining {
			what = fmt.Sprintf("%d faults, draining", b.faults.sum())
		}
		b.Show(done, total, what)
		wait.For(ctx, reportEvery)
	}
}

// between returns a random duration.
func between(random *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(random.Int64N(int64(to-from)))
}
