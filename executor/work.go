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
// that there are never fewer. Each step leaves what it finds in the attempt: so a
// Runner has little stack below it, and a goroutine in which it waits stays small.
func (w *workers) work() {
	var a *attempt // that a Runner has; nil while the worker waits, and keeps nothing
	defer func() {
		if a != nil {
			a.failure = Failf("panic", "the runner ended its goroutine with runtime.Goexit")
			w.end(a)
			w.free()
			w.group.Go(w.work)
		}
	}()
	for a = range w.jobs {
		if w.begin(a) {
			w.call(a)
			w.end(a)
		}
		a = nil
		w.free()
	}
}

// free notes that a worker is free, and wakes the claimer if that makes a
// claim worthwhile.
func (w *workers) free() {
	w.finished.Add(1)
	if w.busy.Add(-1) <= w.wakeAt.Load() {
		raise(w.freed)
	}
}

// begin starts the time of an attempt. It reports whether its job may begin; if
// not, it has handed it back.
func (w *workers) begin(a *attempt) bool {
	a.runs.Store(true) // before unfit looks at the context: who ends it later knows that a Runner must return
	if err := w.unfit(a); err != nil {
		w.handBack(a, err, 0)
		return false
	}
	a.ctx.deadline = time.Now().Add(a.limit)
	a.timer = time.AfterFunc(a.limit, func() { w.stop(a, ErrTimeout) })
	return true
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
	return w.breaker.closed(&a.job)
}

// call calls the Runner of the job's kind. Any error becomes a Failure, and so
// does a panic, of the Runner or of its error's methods.
func (w *workers) call(a *attempt) {
	defer func() {
		if reason := recover(); reason != nil {
			a.report.Output, a.report.OutputBytes = string(debug.Stack()), 0
			a.failure = Failf("panic", "the runner panicked: %v", reason)
		}
	}()
	runner, known := w.config.Runners[a.job.Kind]
	if !known {
		a.failure = Failf("unknown_kind", "this executor does not run jobs of kind %q", a.job.Kind)
		return
	}
	var err error
	if a.report, err = runner.Run(w.follow(a), &a.job); err != nil {
		a.failure = failureOf(err)
	}
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

// end sends the result of an attempt that had begun.
func (w *workers) end(a *attempt) {
	a.timer.Stop()
	a.ctx.output.Store(nil)
	ran := a.limit - time.Until(a.ctx.deadline)
	w.ranFor.Add(int64(ran))
	cause := context.Cause(&a.ctx)
	w.breaker.ended(&a.job, a.failure, cause)
	var r store.Result
	resolve(&r, a, &a.report, a.failure, cause)
	a.report = Report{} // of which the result keeps less
	if !w.finish(a, &r, ran) {
		w.unstick(a)
	}
	a.cancel(nil)
}
