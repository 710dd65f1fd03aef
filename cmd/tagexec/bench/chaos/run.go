package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Options of a run.
type Options struct {
	Database   string        // URL of a migrated queue without jobs, which is left full of them
	Server     Server        // what runs the database, if it may be stopped; else nil
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
	a, err := newArena(ctx, o)
	if err != nil {
		return nil, err
	}
	defer a.close()
	began := time.Now()
	if err := a.startExecutors(ctx); err != nil {
		return nil, err
	}
	watching, stopWatching := context.WithCancel(ctx)
	defer stopWatching()
	var watch sync.WaitGroup
	watch.Go(func() { a.watchLimits(watching) })
	watch.Go(func() { a.watchTables(watching) })
	watch.Go(func() { a.showProgress(watching, began) })
	defer func() { stopWatching(); watch.Wait() }()

	a.disturb(ctx)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	drain := time.Now()
	if err := a.drain(ctx); err != nil && !errors.Is(err, errDrain) {
		return nil, err
	}
	a.drained = time.Since(drain)
	a.retireExecutors()
	stopWatching()
	watch.Wait()
	return a.judge(ctx)
}

// disturb lets producers, operators and faults loose for the duration. When it
// returns, all faults have been taken back.
func (a *arena) disturb(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, a.Duration)
	defer cancel()
	var actors sync.WaitGroup
	for i, act := range []func(context.Context, *rand.Rand){
		a.driveFaults, a.operate, a.produceInserts, a.produceCopies, a.produceSubmissions,
	} {
		actors.Go(func() { act(ctx, rand.New(rand.NewPCG(a.Seed, uint64(i)))) })
	}
	actors.Wait()
}

// drain waits until every job is final.
func (a *arena) drain(ctx context.Context) error {
	a.phase.Store(draining)
	if err := a.restorePools(ctx); err != nil {
		return err
	}
	for end := time.Now().Add(drainLimit); time.Now().Before(end); pause(ctx, reportEvery) {
		open := -1
		err := a.db.QueryRow(ctx, "SELECT count(*) FROM tagexec.tag_jobs WHERE state IN ('pending', 'running')").Scan(&open)
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
func (a *arena) showProgress(ctx context.Context, began time.Time) {
	for ctx.Err() == nil {
		done, total := int(a.done.Load()), int(a.total.Load())
		what := fmt.Sprintf("%d faults, %s of %s", a.faults.sum(), time.Since(began).Round(time.Second), a.Duration)
		if a.phase.Load() == draining {
			what = fmt.Sprintf("%d faults, draining", a.faults.sum())
		}
		a.Show(done, total, what)
		pause(ctx, reportEvery)
	}
}

// pause waits for d, or less if ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// between returns a random duration.
func between(random *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(random.Int64N(int64(to-from)))
}
