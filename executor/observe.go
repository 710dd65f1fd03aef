package executor

import (
	"context"
	"time"

	"github.com/tagexec/tagexec/store"
)

// Observer is told what a Pool does, for metrics and alarms. Its methods are called
// concurrently by the goroutines that claim, record and keep the lease, so they must
// return at once. They are called for groups of jobs, not for each. A program that
// wants to know less than all embeds Unobserved.
type Observer interface {
	// Claimed is told of each claim: how many jobs it brought and how long it took.
	// err says why it failed; there may be jobs beside it.
	Claimed(jobs int, took time.Duration, err error)
	// Ended is told of attempts that the database knows about by now. The slice is
	// used again after the call.
	Ended(attempts []Ended)
	// Recorded is told of each record: how many results it was given and how long it
	// took.
	Recorded(results int, took time.Duration, err error)
	// Reaped is told of dead executors that this one reaped, and of how many of their
	// jobs it offered again.
	Reaped(executors, jobs int)
	// Failed is told of each failure of the database. operation is one of claim,
	// record, heartbeat, listen, "show output" and "read back", which stands for all
	// else that an executor asks every few seconds.
	Failed(operation string, err error)
}

// Ended is an attempt that is over.
type Ended struct {
	Job       *store.Job    // only its Claim is known where the answer to the claim was lost
	Outcome   store.Outcome // as it was sent; where a cancel was pending the database made it cancelled
	ErrorCode string
	Fate      store.Fate    // Applied, Already, Refused or Missing
	Waited    time.Duration // from when the job was due, by the database's clock, until it was claimed, by this host's
	Ran       time.Duration // how long its Runner ran; 0 if it did not, or has not returned
	Lost      bool          // the claim was found to be no longer ours while the job was held here
}

// Unobserved is an Observer that does nothing.
type Unobserved struct{}

// Claimed does nothing.
func (Unobserved) Claimed(int, time.Duration, error) {}

// Ended does nothing.
func (Unobserved) Ended([]Ended) {}

// Recorded does nothing.
func (Unobserved) Recorded(int, time.Duration, error) {}

// Reaped does nothing.
func (Unobserved) Reaped(int, int) {}

// Failed does nothing.
func (Unobserved) Failed(string, error) {}

// Load is what a Pool is busy with at a moment.
type Load struct {
	Workers      int           // as configured
	Busy         int           // workers that run a job
	Stuck        int           // of them, those whose Runner ignores its ended context
	Waiting      int           // attempts whose result awaits its record
	WaitingBytes int64         // about the memory of those results
	Lease        time.Duration // for how long the lease can still be relied on; 0: nothing is claimed
}

// Load returns what the Pool is busy with now.
func (p *Pool) Load() Load {
	busy := p.busy.Load() // before held: what ends in between is no result that waits
	return Load{
		Workers:      p.config.Workers,
		Busy:         int(min(max(0, busy-int64(len(p.jobs))), int64(p.config.Workers))),
		Stuck:        int(p.stuck.Load()),
		Waiting:      max(0, p.held.size()-int(busy-p.stuck.Load())),
		WaitingBytes: p.unstored.Load(),
		Lease:        p.lease.left(),
	}
}

// endedAs describes an attempt by its result and what became of that. a is nil if it
// is not held any more.
func endedAs(a *attempt, r *store.Result, fate store.Fate) Ended {
	e := Ended{Outcome: r.Outcome, ErrorCode: r.ErrorCode, Fate: fate}
	if a == nil {
		e.Job = &store.Job{Claim: r.Claim}
		return e
	}
	e.Job, e.Waited, e.Ran = &a.job, max(0, a.claimed.Sub(a.job.RunAt)), a.ran
	if (fate == store.Refused || r.Outcome == store.Interrupted) && a.ctx.Context != nil {
		e.Lost = context.Cause(&a.ctx) == ErrLost
	}
	return e
}
