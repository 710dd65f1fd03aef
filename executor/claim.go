package executor

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/tagexec/tagexec/store"
)

// Why a job is handed back without having begun.
var (
	errStillRuns = errors.New("an earlier attempt of the job still runs in this executor")
	errOverdue   = errors.New("claimed ahead, but the jobs before it took longer than expected")
	errTooMany   = errors.New("claimed beyond what was asked for")
	errBacklog   = errors.New("too many results await their record in this executor")
)

// claim claims jobs for the workers until ctx ends. Its statements run under
// claims, the jobs under runs. It reports whether the last claim was not
// answered: it may still take jobs.
func (p *Pool) claim(ctx, claims, runs context.Context) (unanswered bool) {
	trouble := outage{log: p.Log, what: "claim"}
	var (
		alone suspects
		idle  idle
	)
	defer idle.wake()
	for ctx.Err() == nil {
		p.shed()
		hold, err := p.suspect(ctx, claims, runs, &alone)
		if unanswered = err != nil; unanswered {
			sleep(ctx, trouble.again(err))
			continue
		}
		if hold {
			continue
		}
		want := p.want()
		if want == 0 {
			p.pause(ctx, p.PollInterval)
			continue
		}
		drain(p.freed)
		drain(p.stored)
		began := time.Now()
		p.claimsBegun.Add(1)
		jobs, err := p.Queue.Claim(claims, *p.id.Load(), want)
		for _, job := range jobs {
			p.accept(runs, job)
		}
		p.claimsEnded.Add(1)
		p.stats.claimed(len(jobs))
		if unanswered = err != nil; unanswered {
			sleep(ctx, trouble.again(err))
			continue
		}
		trouble.over()
		if len(jobs) == want {
			p.pace.claimed(time.Since(began))
			idle.wake()
		} else {
			p.await(ctx, &idle, len(jobs))
		}
	}
	return unanswered
}

// want returns how many jobs to claim now: one for each free worker, and as
// many ahead as the workers will finish within about a claim's round trip. With
// short jobs it waits until half of those ahead are used up, so that claims
// stay large. A worker that makes it worthwhile ends a pause.
func (p *Pool) want() int {
	p.wakeAt.Store(-1)
	behind := int64(p.held.size()) - p.busy.Load()
	if behind > max(maxBehind, int64(2*p.Workers)) || p.unstored.Load() > maxUnstored/2 || !p.lease.trusted() {
		return 0
	}
	p.pace.ran(p.finished.Load(), time.Duration(p.ranFor.Load()), time.Now())
	ahead := p.pace.ahead(p.Workers)
	most := int64(p.Workers + ahead)
	least := int64(max(1, ahead/2))
	p.wakeAt.Store(most - least)
	busy := p.busy.Load() // after the store: a worker sees one or we see the other
	if most-busy < least {
		return 0
	}
	p.wakeAt.Store(-1)
	return int(most - busy)
}

// accept puts a claimed job before the workers, or hands it back.
func (p *Pool) accept(runs context.Context, job store.Job) {
	a := &attempt{job: job, limit: p.JobTimeout}
	if s := job.TimeoutSeconds; s != nil {
		a.limit = time.Duration(*s) * time.Second
	}
	a.ctx, a.cancel = context.WithCancelCause(runs)
	again := p.held.add(a)
	switch {
	case job.Executor != *p.id.Load(): // after add: whoever changes the id cancels what is held by then
		p.handBack(a, ErrLost, 0)
	case !p.lease.trusted(): // the answer came so late that others may have been given the job
		p.handBack(a, errFenced, 0)
	case again > 0:
		// An earlier claim of the job was lost, or its Runner does not return. Not at
		// once, and ever later: we would be the first to claim it again.
		p.handBack(a, errStillRuns, RetryDelay(again))
	case p.busy.Add(1) > int64(cap(p.jobs)):
		p.busy.Add(-1)
		p.handBack(a, errTooMany, 0)
	default:
		p.jobs <- a // never blocks: what waits is busy
	}
}

// shed hands back the jobs claimed ahead when the workers turn out to be
// slower than they were: another executor may be idle.
func (p *Pool) shed() {
	if p.pace.overdue(len(p.jobs), p.finished.Load(), time.Now()) {
		p.Log.Info("handing back jobs claimed ahead: the workers are slower than they were", "jobs", len(p.jobs))
		p.handBackQueued(errOverdue)
	}
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

// pause waits for d, or until a free worker has made a claim worthwhile.
func (p *Pool) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-p.freed:
	case <-p.stored:
	}
}

// raise raises a flag: a channel of capacity 1 that nobody waits to fill.
func raise(flag chan struct{}) {
	select {
	case flag <- struct{}{}:
	default:
	}
}

// drain takes a flag down, raised before what it would call for.
func drain(flag chan struct{}) {
	select {
	case <-flag:
	default:
	}
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// jitter spreads d by ±10 %, so that executors do not poll in step.
func jitter(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5+1)
}
