package executor

import (
	"math/rand/v2"
	"time"
)

const (
	firstPatience = 10 * time.Second // for running jobs to end, so that a suspect can run alone
	heldInterval  = 50 * time.Millisecond
)

// suspects decides when this executor runs a suspect: a job that has taken
// down executors before. It runs alone, so that the jobs beside it are not
// blamed for another crash; for that the executor must be idle first. If it
// does not become idle in time it goes on with other jobs and tries again
// later, with twice the patience, so that a suspect is not starved by long jobs.
type suspects struct {
	seen        bool      // the latest claim left suspects out, and none was claimed since
	drainsSince time.Time // when it began to wait until it is idle; zero: it does not
	notBefore   time.Time
	patience    time.Duration
}

// claimSuspect claims and runs one suspect if there are any and this executor is
// idle. It reports whether other jobs must not be claimed now.
func (c *claimer) claimSuspect() (hold bool, err error) {
	s, now := &c.suspects, time.Now()
	switch {
	case !s.seen:
		*s = suspects{}
		return false, nil
	case now.Before(s.notBefore) || !c.lease.trusted():
		return false, nil
	case c.held.size() == 0:
		return c.runAlone()
	case s.drainsSince.IsZero():
		s.drainsSince, s.patience = now, max(s.patience, firstPatience)
	case now.Sub(s.drainsSince) > s.patience:
		s.notBefore = now.Add(s.patience + rand.N(s.patience))
		s.drainsSince, s.patience = time.Time{}, 2*s.patience
		return false, nil
	}
	sleep(c.stop, heldInterval)
	return true, nil
}

// runAlone claims one suspect and returns when its result is stored.
func (c *claimer) runAlone() (hold bool, err error) {
	c.suspects.seen = false
	c.claimsBegun.Add(1)
	s, began := c.session.Load(), time.Now()
	jobs, err := s.ClaimSuspect(c.claimCtx)
	c.config.Observer.Claimed(len(jobs), time.Since(began), err)
	for _, job := range jobs {
		c.config.Log.Warn("running a job alone that has taken down executors before", "job", job.ID, "tag", job.Tag, "crashes", job.Crashes)
	}
	c.acceptAll(s, jobs)
	c.claimsEnded.Add(1)
	for c.held.size() > 0 && c.stop.Err() == nil {
		sleep(c.stop, heldInterval)
	}
	return len(jobs) > 0, err
}
