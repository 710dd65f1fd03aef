package executor

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"
	"time"

	"github.com/tagexec/tagexec/store"
)

// workers are the goroutines that run jobs.
type workers struct {
	*Pool
	group sync.WaitGroup
}

// start starts the workers. They end when jobs is closed and empty.
func (w *workers) start() {
	for range w.config.Workers {
		w.group.Go(w.work)
	}
}

// work is one worker: it runs one attempt after the other. A Runner that calls
// runtime.Goexit takes the goroutine with it; then another takes its place, so
// that there are never fewer.
func (w *workers) work() {
	drained := false
	defer func() {
		if !drained {
			w.free()
			w.group.Go(w.work)
		}
	}()
	for a := range w.jobs {
		w.run(a)
		w.free()
	}
	drained = true
}

// free notes that a worker is free, and wakes the claimer if that makes a
// claim worthwhile.
func (w *workers) free() {
	w.finished.Add(1)
	if w.busy.Add(-1) <= w.wakeAt.Load() {
		raise(w.freed)
	}
}

// run runs one job and sends its result.
func (w *workers) run(a *attempt) {
	defer a.cancel(nil)
	a.runs.Store(true) // before unfit looks at the context: who ends it later knows that a Runner must return
	if err := w.unfit(a); err != nil {
		w.handBack(a, err, 0)
		return
	}
	began := time.Now()
	a.ctx.deadline = began.Add(a.limit)
	timer := time.AfterFunc(a.limit, func() { w.stop(a, ErrTimeout) })

	var (
		report  Report
		failure *Failure
		ended   bool
	)
	defer func() { // deferred, because it must also be done after Goexit
		timer.Stop()
		w.ranFor.Add(int64(time.Since(began)))
		if !ended {
			failure = Failf("panic", "the runner ended its goroutine with runtime.Goexit")
		}
		cause := context.Cause(&a.ctx)
		w.breaker.ended(a.job, failure, cause)
		if !w.finish(a, resolve(a, report, failure, cause)) {
			w.unstick(a)
		}
	}()
	report, failure = w.call(&a.ctx, a.job)
	ended = true
}

// unfit returns why a job must not begin, nil if it may.
func (w *workers) unfit(a *attempt) error {
	select {
	case <-w.stopping:
		return ErrShutdown
	default:
	}
	switch {
	case a.ctx.Err() != nil:
		return context.Cause(&a.ctx)
	case a.job.MutexKey != nil && !w.lease.trusted():
		return errFenced
	case w.unstored.Load() > maxUnstored:
		return errBacklog
	}
	return w.breaker.closed(a.job)
}

// call calls the Runner of the job's kind. Any error becomes a Failure, and so
// does a panic, of the Runner or of its error's methods.
func (w *workers) call(ctx context.Context, job store.Job) (report Report, failure *Failure) {
	defer func() {
		if reason := recover(); reason != nil {
			report.Output, report.OutputBytes = string(debug.Stack()), 0
			failure = Failf("panic", "the runner panicked: %v", reason)
		}
	}()
	runner, known := w.config.Runners[job.Kind]
	if !known {
		return Report{}, Failf("unknown_kind", "this executor does not run jobs of kind %q", job.Kind)
	}
	report, err := runner.Run(ctx, job)
	if err != nil {
		failure = failureOf(err)
	}
	return report, failure
}

func failureOf(err error) *Failure {
	var (
		unavailable *Unavailable
		interrupted *Interrupted
		failure     *Failure
	)
	switch {
	case errors.As(err, &interrupted) && interrupted != nil:
		return &Failure{uncounted: interrupted}
	case errors.As(err, &unavailable) && unavailable != nil:
		return &Failure{uncounted: unavailable}
	case errors.As(err, &failure) && failure != nil:
		return failure
	default:
		return Failf("error", "%s", err.Error())
	}
}
