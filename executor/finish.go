package executor

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/tagexec/tagexec/store"
)

// killGrace is how long a Runner may take to return after its context ended.
const killGrace = store.KillGrace

// resolve decides what an attempt ended with. cause is why its context ended,
// nil if it did not. r is filled where it is: to return it takes its size twice, of
// a stack that is small.
func resolve(r *store.Result, a *attempt, o *Report, failure *Failure, cause error) {
	r.Claim, r.Outcome = a.job.Claim, store.Succeeded
	r.RowsAffected, r.ExitCode, r.Value = o.RowsAffected, o.ExitCode, o.Value
	r.Output, r.OutputBytes = o.Output, cmp.Or(o.OutputBytes, int64(len(o.Output)))
	r.QueryID = o.QueryID
	if failure == nil {
		return // also if the context ended meanwhile: the work is done
	}
	if cause == nil {
		cause = failure.uncounted
	}
	var unavailable *Unavailable
	switch {
	case errors.Is(cause, ErrTimeout):
		r.Outcome, r.ErrorCode = store.TimedOut, "timeout"
		r.Error = fmt.Sprintf("stopped when its time of %s was over", a.limit)
	case errors.Is(cause, ErrCancelled):
		r.Outcome, r.ErrorCode, r.Error = store.Cancelled, "cancelled", "cancelled while it ran"
	case errors.As(cause, &unavailable):
		r.Outcome, r.ErrorCode, r.Error = store.Interrupted, "unavailable", unavailable.Error() // Record decides about the delay
	case cause != nil:
		r.Outcome, r.ErrorCode, r.Error = store.Interrupted, "interrupted", cause.Error()
	default:
		r.Outcome, r.Permanent = store.Failed, failure.Permanent
		r.ErrorCode, r.Error = cmp.Or(failure.Code, "error"), failure.Message
	}
	if r.Outcome == store.Failed || r.Outcome == store.TimedOut {
		r.Delay = max(RetryDelay(int(a.job.Failures)+1), min(failure.RetryAfter, longestWait))
	}
}

// finish makes a result storable and leaves it to the recorder. It reports
// whether this was the attempt's first result; another is forgotten. ran is how long
// the Runner ran, 0 if it did not or has not returned.
func (p *Pool) finish(a *attempt, r *store.Result, ran time.Duration) bool {
	if !a.ended.CompareAndSwap(false, true) {
		return false
	}
	a.ran = ran
	if trace := a.trace.Load(); trace != nil {
		(*trace).Ended(r)
	}
	r.ErrorCode = cutEnd(cleanText(r.ErrorCode), maxCode)
	r.QueryID = cutEnd(cleanText(r.QueryID), maxQueryID)
	r.Error = cutEnd(storedText(r.Error), maxError)
	r.Output = cutMiddle(storedText(r.Output), maxOutput)
	r.Value = cleanJSON(r.Value)
	a.weight = weight(r) + int64(len(a.job.Payload))
	p.unstored.Add(a.weight)
	p.results.put(r)
	return true
}

// weight is about how many bytes a result takes while it awaits its record.
func weight(r *store.Result) int64 {
	return int64(1<<10 + len(r.Error) + len(r.Output) + len(r.Value))
}

// handBack ends an attempt that has not begun. Its job is pending again after
// delay, and no failure is counted; if it was cancelled meanwhile, that stands.
func (p *Pool) handBack(a *attempt, cause error, delay time.Duration) {
	var r store.Result
	resolve(&r, a, &Report{}, &Failure{}, cause)
	r.Delay = delay
	if a.tries {
		p.breaker.ended(&a.job, nil, cause)
	}
	p.finish(a, &r, 0)
	a.cancel(cause)
}

// handBackQueued hands back the jobs that no worker has taken yet.
func (p *Pool) handBackQueued(cause error) {
	for {
		select {
		case a := <-p.jobs:
			p.busy.Add(-1)
			p.handBack(a, cause, 0)
		default:
			return
		}
	}
}

// abandon records an attempt without its Runner, which did not return within
// the kill grace. The Runner keeps its worker, and its job is not started here
// again until it returns.
func (p *Pool) abandon(a *attempt, cause error) {
	p.stuck.Add(1)
	p.held.pin(a.job.ID)
	var r store.Result
	resolve(&r, a, &Report{}, &Failure{}, cause)
	if !p.finish(a, &r, 0) {
		p.unstick(a)
		return
	}
	p.config.Log.Error("a runner ignores the end of its context; its worker is stuck", "kind", a.job.Kind, "job", a.job.ID)
}

// unstick takes an abandon back, because the Runner has returned.
func (p *Pool) unstick(a *attempt) {
	p.stuck.Add(-1)
	p.held.unpin(a.job.ID)
}
