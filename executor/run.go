package executor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/tagexec/tagexec/store"
)

// work is one worker: it runs one attempt after the other until the queue is
// closed. A Runner that calls runtime.Goexit takes the goroutine with it; then
// replace is called, so that the pool does not shrink.
func (p *Pool) work(replace func()) {
	drained := false
	defer func() {
		if !drained {
			p.free()
			replace()
		}
	}()
	for a := range p.jobs {
		p.attempt(a)
		p.free()
	}
	drained = true
}

// free notes that a worker is free, and wakes the claimer if that makes a
// claim worthwhile.
func (p *Pool) free() {
	p.finished.Add(1)
	if p.busy.Add(-1) <= p.wakeAt.Load() {
		raise(p.freed)
	}
}

// attempt runs one job and sends its result.
func (p *Pool) attempt(a *attempt) {
	defer a.cancel(nil)
	if err := p.unfit(a); err != nil {
		p.handBack(a, err, 0)
		return
	}
	ctx, cancel := context.WithTimeoutCause(a.ctx, a.limit, ErrTimeout)
	defer cancel()
	returned := make(chan struct{})
	unwatch := context.AfterFunc(ctx, func() {
		if !within(killGrace, returned) {
			p.abandon(a, context.Cause(ctx))
		}
	})

	var (
		outcome Outcome
		failure *Failure
		ended   bool
	)
	began := time.Now()
	defer func() { // deferred, because it must also be done after Goexit
		p.ranFor.Add(int64(time.Since(began)))
		if !ended {
			failure = Failf("panic", "the runner ended its goroutine with runtime.Goexit")
		}
		if !unwatch() {
			close(returned)
		}
		if !p.finish(a, resolve(a, outcome, failure, context.Cause(ctx))) {
			p.stuck.Add(-1)
			p.held.unpin(a.job.ID)
		}
	}()
	outcome, failure = p.call(ctx, a.job)
	ended = true
}

// unfit tells why a job must not begin.
func (p *Pool) unfit(a *attempt) error {
	select {
	case <-p.stopping:
		return ErrShutdown
	default:
	}
	switch {
	case a.ctx.Err() != nil:
		return context.Cause(a.ctx)
	case a.job.MutexKey != nil && !p.lease.trusted():
		return errFenced
	case p.unstored.Load() > maxUnstored:
		return errBacklog
	}
	return nil
}

// abandon records an attempt without its Runner, which did not return within
// the kill grace. The Runner keeps its worker, and its job is not started here
// again until it returns.
func (p *Pool) abandon(a *attempt, cause error) {
	p.stuck.Add(1)
	p.held.pin(a.job.ID)
	if !p.finish(a, resolve(a, Outcome{}, &Failure{}, cause)) {
		p.stuck.Add(-1)
		p.held.unpin(a.job.ID)
		return
	}
	p.Log.Error("a runner ignores the end of its context; its worker is stuck", "kind", a.job.Kind, "job", a.job.ID)
}

// call calls the Runner of the job's kind. Any error becomes a Failure, and so
// does a panic, of the Runner or of its error's methods.
func (p *Pool) call(ctx context.Context, job store.Job) (outcome Outcome, failure *Failure) {
	defer func() {
		if reason := recover(); reason != nil {
			outcome.Output, outcome.OutputBytes = string(debug.Stack()), 0
			failure = Failf("panic", "the runner panicked: %v", reason)
		}
	}()
	runner, known := p.Runners[job.Kind]
	if !known {
		return Outcome{}, Failf("unknown_kind", "this executor does not run jobs of kind %q", job.Kind)
	}
	outcome, err := runner.Run(ctx, job)
	switch {
	case err == nil:
		return outcome, nil
	case errors.As(err, &failure) && failure != nil:
		return outcome, failure
	default:
		return outcome, Failf("error", "%s", err.Error())
	}
}

// resolve decides what an attempt ended with. cause is why its context ended,
// nil if it did not.
func resolve(a *attempt, o Outcome, failure *Failure, cause error) store.Result {
	r := store.Result{
		Claim: a.job.Claim, Outcome: store.Succeeded,
		RowsAffected: o.RowsAffected, ExitCode: o.ExitCode, Result: o.Result,
		Output: o.Output, OutputBytes: cmp.Or(o.OutputBytes, int64(len(o.Output))),
	}
	if failure == nil {
		return r // also if the context ended meanwhile: the work is done
	}
	switch {
	case errors.Is(cause, ErrTimeout):
		r.Outcome, r.ErrorCode = store.TimedOut, "timeout"
		r.Error = fmt.Sprintf("stopped when its time of %s was over", a.limit)
	case errors.Is(cause, ErrCancelled):
		r.Outcome, r.ErrorCode, r.Error = store.Cancelled, "cancelled", "cancelled while it ran"
	case cause != nil:
		r.Outcome, r.ErrorCode, r.Error = store.Interrupted, "interrupted", cause.Error()
	default:
		r.Outcome, r.Permanent = store.Failed, failure.Permanent
		r.ErrorCode, r.Error = cmp.Or(failure.Code, "error"), failure.Message
	}
	if r.Outcome == store.Failed || r.Outcome == store.TimedOut {
		r.Delay = max(RetryDelay(int(a.job.Failures)+1), min(failure.RetryAfter, longestWait))
	}
	return r
}

// handBack ends an attempt that has not begun. Its job is pending again after
// delay, and no failure is counted; if it was cancelled meanwhile, that stands.
func (p *Pool) handBack(a *attempt, cause error, delay time.Duration) {
	r := resolve(a, Outcome{}, &Failure{}, cause)
	r.Delay = delay
	p.finish(a, r)
	a.cancel(cause)
}

// finish makes a result storable and leaves it to the recorder. It tells
// whether this was the attempt's first result; another is forgotten.
func (p *Pool) finish(a *attempt, r store.Result) bool {
	if !a.ended.CompareAndSwap(false, true) {
		return false
	}
	r.ErrorCode = cutEnd(cleanText(r.ErrorCode), maxCode)
	r.Error = cutEnd(cleanText(r.Error), maxError)
	r.Output = cutMiddle(cleanText(r.Output), maxOutput)
	r.Result = cleanJSON(r.Result)
	a.weight = weight(r) + int64(len(a.job.Payload))
	p.unstored.Add(a.weight)
	p.results.put(r)
	return true
}

// weight is about how many bytes a result takes while it awaits its record.
func weight(r store.Result) int64 {
	return int64(1<<10 + len(r.Error) + len(r.Output) + len(r.Result))
}
