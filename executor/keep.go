package executor

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/tagexec/tagexec/store"
)

// Why a job is stopped or handed back although nobody asked for it.
var (
	errFenced     = errors.New("the executor lost contact with the database for so long that others may run the job")
	errUnanswered = errors.New("the database's answer to the claim was lost")
)

// beat renews the lease until engine ends. It does nothing else, so that
// nothing delays it.
func (p *Pool) beat(engine context.Context) {
	trouble := outage{log: p.Log, what: "heartbeat"}
	for next := jitter(p.Heartbeat); ; {
		sleep(engine, next)
		if engine.Err() != nil {
			return
		}
		err := p.signOfLife(engine)
		switch {
		case err == nil:
			trouble.over()
			next = jitter(p.Heartbeat)
		case engine.Err() == nil:
			p.lease.broken()
			next = min(trouble.again(err), p.Heartbeat)
		}
	}
}

// signOfLife sends one heartbeat. If this executor was reaped it starts over.
func (p *Pool) signOfLife(engine context.Context) error {
	ctx, cancel := context.WithTimeout(engine, p.Heartbeat)
	defer cancel()
	sent := time.Now()
	err := p.Queue.Heartbeat(ctx, *p.id.Load())
	switch {
	case errors.Is(err, store.ErrReaped):
		return p.startOver(ctx)
	case err == nil:
		p.lease.renew(sent)
	}
	return err
}

// startOver drops everything after this executor was reaped, and registers
// again under a new id. If that fails the new id is unknown, so the next
// heartbeat starts over once more.
func (p *Pool) startOver(ctx context.Context) error {
	p.lease.lost()
	id := uuid.New()
	old := p.id.Swap(&id) // before the look at what is held: see accept
	all := p.held.snapshot()
	p.Log.Error("this executor was reaped by another or is unknown: dropping all jobs", "executor", *old, "held", len(all))
	for _, a := range all {
		a.cancel(ErrLost)
	}
	return p.register(ctx)
}

// guard acts when the lease can no longer be trusted: jobs that hold a mutex
// key promised to be alone, so they are stopped; the others run on, and the
// store refuses their results if they were taken away.
func (p *Pool) guard(engine context.Context) {
	fenced := false
	for engine.Err() == nil {
		left := p.lease.left()
		if left == 0 && !fenced {
			p.Log.Error("the lease can no longer be trusted: claiming nothing, stopping jobs that hold a mutex key")
			for _, a := range p.held.snapshot() {
				if a.job.MutexKey != nil {
					a.cancel(errFenced)
				}
			}
		}
		fenced = left == 0
		if fenced {
			left = p.Heartbeat / 2 // a lease is longer, so none is missed
		}
		sleep(engine, left)
	}
}

// keep compares what is held here with what the database says, and reaps dead
// executors, until engine ends.
func (p *Pool) keep(engine context.Context) {
	trouble := outage{log: p.Log, what: "read back"}
	var (
		strays strays
		reaped = time.Now()
	)
	for {
		sleep(engine, min(cancelWithin, p.Heartbeat))
		err := p.readBack(engine, &strays)
		if err == nil && time.Since(reaped) >= p.Heartbeat {
			reaped = time.Now()
			err = p.reap(engine)
		}
		switch {
		case engine.Err() != nil:
			return
		case err != nil:
			sleep(engine, trouble.again(err))
		default:
			trouble.over()
		}
	}
}

// readBack stops jobs that were cancelled or taken away, and hands back jobs
// whose claim's answer was lost.
func (p *Pool) readBack(ctx context.Context, strays *strays) error {
	// The order matters: a claim that ended before the first look at what is held
	// has left its jobs there, and a claim seen in the list had begun by the end of it.
	ended := p.claimsEnded.Load()
	before := p.held.snapshot()
	id := *p.id.Load()
	list, err := p.Queue.Running(ctx, id)
	if err != nil {
		return err
	}
	begun := p.claimsBegun.Load()
	after := p.held.snapshot()

	listed := make(map[store.Claim]bool, len(list))
	var unknown []store.Claim
	for _, r := range list {
		listed[r.Claim] = true
		switch a := after[r.Claim]; {
		case a != nil && r.Cancel:
			a.cancel(ErrCancelled)
		case a == nil && before[r.Claim] == nil:
			unknown = append(unknown, r.Claim)
		}
	}
	for c := range before {
		if a := after[c]; a != nil && c.Executor == id && !listed[c] {
			a.cancel(ErrLost) // or it is being recorded just now; then this changes nothing
		}
	}
	for _, c := range strays.seen(unknown, ended, begun) {
		p.Log.Warn("handing back a job whose claim was not answered", "job", c.ID, "attempt", c.Attempt)
		a := &attempt{job: store.Job{Claim: c}, cancel: func(error) {}}
		p.held.add(a)
		p.handBack(a, errUnanswered, 0)
	}
	return nil
}

// strays remembers running jobs that nobody here holds: either a claim is
// under way, or its answer was lost.
type strays struct {
	claims map[store.Claim]bool
	begun  int64 // claims that had begun when they were seen
}

// seen notes the claims that are unknown now, and returns those that were
// unknown before although every claim that had begun by then has ended since.
func (s *strays) seen(unknown []store.Claim, ended, begun int64) (again []store.Claim) {
	if ended < s.begun {
		return nil
	}
	claims := map[store.Claim]bool{}
	for _, c := range unknown {
		if s.claims[c] {
			again = append(again, c)
		} else {
			claims[c] = true
		}
	}
	s.claims, s.begun = claims, begun
	return again
}

// reap offers the jobs of dead executors to all.
func (p *Pool) reap(engine context.Context) error {
	// Bounded, so that a statement which was held up (the process was frozen) does
	// not reap on the word of a contact that is no longer unbroken.
	ctx, cancel := context.WithTimeout(engine, p.Lease)
	defer cancel()
	reaped, err := p.Queue.Reap(ctx, p.lease.unbroken())
	if err == nil && len(reaped.Executors) > 0 {
		p.Log.Warn("reaped dead executors", "executors", reaped.Executors, "jobs", reaped.Jobs)
	}
	return err
}
