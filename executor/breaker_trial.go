package executor

import (
	"context"
	"errors"
	"time"
)

// errUndecided is what a trial says when its job was stopped, or when none was
// found and nothing else tells.
var errUndecided = errors.New("the trial decided nothing")

// try returns nil if a resource can be used, as a probe or one job says. A probe
// that succeeds where none has failed may not see what the jobs see: a command that
// is there, but cannot be started.
func (b *breaker) try(ctx context.Context, d *downtime) error {
	prober, ok := b.runners[d.Kind].(Prober)
	if !ok {
		return b.trial(ctx, d, nil, errUndecided)
	}
	if err := b.ask(ctx, prober, d); err != nil || d.seen {
		return err
	}
	return b.trial(ctx, d, time.After(trialTime+probeTime), nil)
}

// ask probes a resource once.
func (b *breaker) ask(ctx context.Context, prober Prober, d *downtime) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	err := prober.Probe(ctx, d.Resource)
	d.seen = d.seen || err != nil
	return err
}

// trial lets one job try a resource. A job that still runs at the end of limit can
// use it. Where no job wants it, that is the answer none.
func (b *breaker) trial(ctx context.Context, d *downtime, limit <-chan time.Time, none error) error {
	select { // what came late for the trial before
	case <-d.tried:
	default:
	}
	b.set(d, onTrial)
	select {
	case err := <-d.tried:
		return err
	case <-time.After(trialTime):
	case <-ctx.Done():
	}
	if !b.busy(d) {
		return none
	}
	select {
	case err := <-d.tried:
		return err
	case <-limit:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *breaker) set(d *downtime, s state) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d.state = s
	b.tell()
}

// busy reports whether a trial runs; if not, none begins any more.
func (b *breaker) busy(d *downtime) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d.state == onTrial {
		d.state = closed
	}
	return d.state == inTrial
}
