package store

import "time"

// A count is what an executor knows about the running jobs of a limited pool
// since it counted them under the pool's lock. It is a hint that spares the next
// count the index entries of claims that ended, which an old snapshot keeps from
// being removed. It may be lost, but never pass over a job that runs:
//
//   - Who claims next holds the lock too, so its claims are younger than clock,
//     unless the server's clock was set back. Set back by more than the time
//     that has passed, the clock itself shows it; else by no more than that.
//     (Set back and forth between two counts would go unnoticed.)
//   - A claim that began while the pool had no limit needs no lock, and may become
//     visible up to inFlight after the row of the pool was changed.
type count struct {
	oldest  time.Time // when the oldest job that ran was claimed
	clock   time.Time // the server's clock
	began   time.Time // our clock, just before
	changed time.Time // the server's clock at the first count of this version of the pool
	version string    // of the row of the pool
}

// inFlight is longer than a claim of another executor takes, from the time it
// notes to the time it is seen.
const inFlight = clientTimeout + 5*time.Second

// windows returns the times of claims that may run: from since on, and from
// lateSince to lateUntil. The clock of the server is read under the lock, now
// after that.
func (c count) windows(clock, now time.Time) (since, lateSince, lateUntil time.Time) {
	if c.began.IsZero() || clock.Before(c.clock) {
		return
	}
	// Twice what has passed, so that it does not matter if our clock is slower.
	since = c.oldest.Add(-2 * now.Sub(c.began))
	if clock.Sub(c.changed) > inFlight {
		return
	}
	lateUntil = c.changed
	if since.Before(lateUntil) {
		lateUntil = since
	}
	return since, c.changed.Add(-inFlight), lateUntil
}
