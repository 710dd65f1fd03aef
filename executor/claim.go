package executor

import (
	"context"
	"errors"
	"time"

	"github.com/tagexec/tagexec/store"
)

const (
	maxPrefetch = 1000            // most jobs claimed ahead of free workers
	maxBehind   = 2 * recordBatch // results that await their record; with more, claiming pauses: by the time they are recorded their pages would have left the cache
	maxUnstored = 64 << 20        // bytes of results that await their record: half of it stops claiming, all of it what is claimed from beginning
)

// Why a job is handed back without having begun.
var (
	errStillRuns = errors.New("an earlier attempt of the job still runs in this executor")
	errOverdue   = errors.New("claimed ahead, but the jobs before it took longer than expected")
	errTooMany   = errors.New("claimed beyond what was asked for")
	errBacklog   = errors.New("too many results await their record in this executor")
)

// claimer claims jobs for the workers. It is one goroutine.
type claimer struct {
	*Pool
	stop     context.Context // when it ends nothing more is claimed
	claimCtx context.Context // of statements that claim; outlives stop, so that a claim under way can be answered
	jobCtx   context.Context // what jobs know; it does not end

	pace       pace
	suspects   suspects
	idle       idle
	outage     outage
	unanswered bool // the last claim was not answered: it may still take jobs
}

func newClaimer(p *Pool, stop, claimCtx, jobCtx context.Context) *claimer {
	return &claimer{
		Pool: p, stop: stop, claimCtx: claimCtx, jobCtx: jobCtx,
		idle:   idle{outage: p.outage("listen")},
		outage: p.outage("claim"),
	}
}

// run claims jobs until stop ends.
func (c *claimer) run() {
	defer c.idle.reset()
	for c.stop.Err() == nil {
		err := c.round()
		if c.unanswered = err != nil; c.unanswered {
			sleep(c.stop, c.outage.again(err))
		}
	}
}

// round claims once if that is worthwhile, and waits if another claim is not.
func (c *claimer) round() error {
	c.shed()
	if hold, err := c.claimSuspect(); hold || err != nil {
		return err
	}
	want := c.want()
	if want == 0 {
		c.idle.reset()
		c.pause(c.config.PollInterval)
		return nil
	}
	drain(c.freed)
	drain(c.stored)
	began := time.Now()
	claimed, err := c.claim(want)
	took := time.Since(began)
	c.config.Observer.Claimed(len(claimed.Jobs), took, err)
	if err != nil {
		return err
	}
	c.outage.over()
	c.suspects.seen = claimed.Suspects
	c.config.warnUnwritable(claimed.Unwritable)
	if len(claimed.Jobs) >= want {
		c.pace.claimed(took)
	}
	if !claimed.More || len(claimed.Jobs) > 0 {
		c.idle.claimed(len(claimed.Jobs))
	}
	if !claimed.More {
		c.idle.blocked = claimed.Blocked
		c.await(len(claimed.Jobs))
	}
	return nil
}

// claim claims up to n jobs for the workers.
func (c *claimer) claim(n int) (store.Claimed, error) {
	c.claimsBegun.Add(1)
	defer c.claimsEnded.Add(1) // after accept: readback relies on it
	s := c.session.Load()
	claimed, err := s.Claim(c.claimCtx, n)
	c.acceptAll(s, claimed.Jobs)
	return claimed, err
}

// want returns how many jobs to claim now: one for each free worker, and as
// many ahead as the workers will finish within about a claim's round trip. With
// short jobs it waits until half of those ahead are used up, so that claims
// stay large. A worker that makes it worthwhile ends a pause. While a resource is
// on trial, jobs are claimed one by one.
func (c *claimer) want() int {
	c.wakeAt.Store(-1)
	behind := int64(c.held.size()) - c.busy.Load()
	if behind > max(maxBehind, int64(2*c.config.Workers)) || c.unstored.Load() > maxUnstored/2 || !c.lease.trusted() {
		return 0
	}
	c.pace.ran(c.finished.Load(), time.Duration(c.ranFor.Load()), time.Now())
	ahead := c.pace.ahead(c.config.Workers)
	most := int64(c.config.Workers + ahead)
	least := int64(max(1, ahead/2))
	c.wakeAt.Store(most - least)
	busy := c.busy.Load() // after the store: a worker sees our wakeAt, or we see that it is free
	if most-busy < least {
		return 0
	}
	c.wakeAt.Store(-1)
	if c.breaker.onTrial() {
		return 1
	}
	return int(most - busy)
}

// acceptAll takes over the jobs that a claim of the session brought.
func (c *claimer) acceptAll(s *session, jobs []store.Job) {
	now := time.Now()
	for i := range jobs {
		c.accept(s, &jobs[i], now)
	}
	c.stats.claimed(len(jobs))
}

// accept puts a claimed job before the workers, or hands it back.
func (c *claimer) accept(s *session, job *store.Job, now time.Time) {
	a := &attempt{job: *job, session: s, limit: c.config.JobTimeout, claimed: now}
	if seconds := job.TimeoutSeconds; seconds != nil {
		a.limit = time.Duration(*seconds) * time.Second
	}
	a.start(c.jobCtx)
	var missing error
	a.tries, missing = c.breaker.admit(job)
	again := c.held.add(a)
	switch {
	case s.lost.Load(): // after add: startOver sets it, and then cancels what is held
		c.handBack(a, ErrLost, 0)
	case !c.lease.trusted(): // the answer came so late that others may have been given the job
		c.handBack(a, errFenced, 0)
	case again > 0:
		// An earlier claim of the job was lost, or its Runner does not return. The job
		// waits, and ever longer: else we would be the first to claim it again.
		c.handBack(a, errStillRuns, RetryDelay(again))
	case missing != nil: // it was found before the resource was closed
		c.handBack(a, missing, 0)
	case c.busy.Add(1) > int64(cap(c.jobs)):
		c.busy.Add(-1)
		c.handBack(a, errTooMany, 0)
	default:
		c.jobs <- a // never blocks: what waits is busy
	}
}

// shed hands back the jobs claimed ahead when the workers turn out to be
// slower than they were: another executor may be idle.
func (c *claimer) shed() {
	if c.pace.overdue(len(c.jobs), c.finished.Load(), time.Now()) {
		c.config.Log.Info("handing back jobs claimed ahead: the workers are slower than they were", "jobs", len(c.jobs))
		c.handBackQueued(errOverdue)
	}
}

// pause waits for d, or until a free worker or a stored result has made a claim
// worthwhile.
func (c *claimer) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c.stop.Done():
	case <-timer.C:
	case <-c.freed:
	case <-c.stored:
	}
}
