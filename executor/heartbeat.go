package executor

import (
	"context"
	"errors"
	"time"

	"github.com/tagexec/tagexec/store"
)

// errFenced is why a job is stopped or handed back although nobody asked for it.
var errFenced = errors.New("the executor lost contact with the database for so long that others may run the job")

// heartbeat renews the lease, and acts when it can no longer be trusted. Each is
// a goroutine that does nothing else, so that nothing delays it.
type heartbeat struct {
	*Pool
	drain  func() // ends claims; may be called again
	outage outage
}

func newHeartbeat(p *Pool, drain func()) *heartbeat {
	return &heartbeat{Pool: p, drain: drain, outage: p.outage("heartbeat")}
}

// run sends heartbeats until ctx ends.
func (h *heartbeat) run(ctx context.Context) {
	interval := h.config.Heartbeat
	for next := jitter(interval); ; {
		sleep(ctx, next)
		if ctx.Err() != nil {
			return
		}
		err := h.beat(ctx)
		switch {
		case err == nil:
			h.outage.over()
			next = jitter(interval)
		case ctx.Err() == nil:
			h.lease.broken()
			next = min(h.outage.again(err), interval)
		}
	}
}

// beat sends one heartbeat. If this executor was reaped it starts over.
func (h *heartbeat) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, h.config.Heartbeat)
	defer cancel()
	s, sent := h.session.Load(), time.Now()
	drain, err := s.Heartbeat(ctx)
	switch {
	case errors.Is(err, store.ErrReaped):
		return h.startOver(ctx, s)
	case err == nil:
		h.lease.renew(sent)
	}
	if drain {
		h.drain()
	}
	return err
}

// startOver drops everything after this executor was reaped, and registers it
// again. If that fails, the next heartbeat of the lost session starts over once
// more.
func (h *heartbeat) startOver(ctx context.Context, reaped *session) error {
	h.lease.lost()
	reaped.lost.Store(true) // before the look at what is held: see accept
	all := h.held.snapshot()
	h.config.Log.Error("this executor was reaped by another or is unknown: dropping all jobs", "executor", reaped.ID(), "held", len(all))
	for _, a := range all {
		h.stop(a, ErrLost)
	}
	return h.register(ctx)
}

// guard acts when the lease can no longer be trusted, until ctx ends. It stops
// jobs that hold a mutex key, because they rely on being alone. The others run
// on: if they were taken away, the store refuses their results.
func (h *heartbeat) guard(ctx context.Context) {
	fenced := false
	for ctx.Err() == nil {
		left := h.lease.left()
		if left == 0 && !fenced {
			h.config.Log.Error("the lease can no longer be trusted: claiming nothing, stopping jobs that hold a mutex key")
			for _, a := range h.held.snapshot() {
				if a.job.MutexKey != nil {
					h.stop(a, errFenced)
				}
			}
		}
		fenced = left == 0
		if fenced {
			left = h.config.Heartbeat / 2 // a lease is longer, so none is missed
		}
		sleep(ctx, left)
	}
}
