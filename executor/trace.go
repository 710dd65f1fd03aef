package executor

import (
	"context"
	"time"

	"github.com/tagexec/tagexec/store"
)

// Tracer follows single attempts, for traces. Begin is called concurrently, by the
// worker that is about to call the Runner and waits for it.
type Tracer interface {
	// Begin begins to follow an attempt that was claimed at that time. The Runner gets
	// the context that it returns, which must be made from ctx.
	Begin(ctx context.Context, job *store.Job, claimed time.Time) (context.Context, Trace)
}

// Trace follows one attempt. Its methods are called once and in this order, each by
// another goroutine, and must return at once.
type Trace interface {
	// Ended is told the result, when the Runner has returned or was given up. Where a
	// cancel is pending the database makes it cancelled.
	Ended(r *store.Result)
	// Recorded is told what became of the result.
	Recorded(fate store.Fate)
}

// follow begins the trace of an attempt and returns the context for its Runner.
func (p *Pool) follow(a *attempt) context.Context {
	if p.config.Tracer == nil {
		return &a.ctx
	}
	ctx, trace := p.config.Tracer.Begin(&a.ctx, &a.job, a.claimed)
	a.trace.Store(&trace)
	return ctx
}

type traceparentKey struct{}

// WithTraceparent returns a context whose work belongs to a trace: a W3C traceparent.
func WithTraceparent(ctx context.Context, traceparent string) context.Context {
	return context.WithValue(ctx, traceparentKey{}, traceparent)
}

// Traceparent is what a Runner hands on to what it starts, so that its traces join
// that of the attempt; "" if nobody traces.
func Traceparent(ctx context.Context) string {
	traceparent, _ := ctx.Value(traceparentKey{}).(string)
	return traceparent
}
