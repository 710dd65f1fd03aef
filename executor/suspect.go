package executor

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	firstPatience = 10 * time.Second // for running jobs to end, so that a suspect can run alone
	idleLook      = 50 * time.Millisecond
)

// suspects decides when this executor runs a suspect: a job that has taken
// down executors before. It runs alone, so that the jobs beside it are not
// blamed for another crash; for that the executor must be idle first. If it
// does not become idle in time it goes on with other jobs and tries again
// later, with twice the patience, so that a suspect is not starved by long jobs.
type suspects struct {
	drainsSince time.Time // zero: it does not wait to become idle
	notBefore   time.Time
	patience    time.Duration
}

// suspect claims and runs one suspect if there are any and this executor is
// idle. It reports whether other jobs must not be claimed now.
func (p *Pool) suspect(ctx, claims, runs context.Context, s *suspects) (hold bool, err error) {
	now := time.Now()
	switch {
	case !p.Queue.Suspects():
		*s = suspects{}
		return false, nil
	case now.Before(s.notBefore) || !p.lease.trusted():
		return false, nil
	case p.held.size() == 0:
		return p.runAlone(ctx, claims, runs)
	case s.drainsSince.IsZero():
		s.drainsSince, s.patience = now, max(s.patience, firstPatience)
	case now.Sub(s.drainsSince) > s.patience:
		s.notBefore = now.Add(s.patience + rand.N(s.patience))
		s.drainsSince, s.patience = time.Time{}, 2*s.patience
		return false, nil
	}
	sleep(ctx, idleLook)
	return true, nil
}

// runAlone claims one suspect and returns when its result is stored.
func (p *Pool) runAlone(ctx, claims, runs context.Context) (hold bool, err error) {
	p.claimsBegun.Add(1)
	jobs, err := p.Queue.ClaimSuspect(claims, *p.id.Load())
	for _, job := range jobs {
		p.Log.Warn("running a job alone that has taken down executors before", "job", job.ID, "tag", job.Tag, "crashes", job.Crashes)
		p.accept(runs, job)
	}
	p.claimsEnded.Add(1)
	p.stats.claimed(len(jobs))
	for p.held.size() > 0 && ctx.Err() == nil {
		sleep(ctx, idleLook)
	}
	return len(jobs) > 0, err
}
