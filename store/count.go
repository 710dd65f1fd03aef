package store

import "time"

// A count is what an executor knows about the running jobs of a limited pool
// since it counted them under the pool's lock. It is a hint that spares the next
// count the index entries of claims that ended, which an old snapshot keeps from
// being removed. It passes over no job that runs:
//
//   - Who claims next holds the lock too, so its claims are younger than clock,
//     unless the server's clock was set back. If it was set back by more than the
//     time since the last count, it shows an earlier time than then, and
//     everything is counted; going back twice that time covers less.
//   - A claim that began while the pool had no limit needs no lock, and may become
//     visible up to inFlight after the first count of the pool as it is now.
//
// What is left are accidents upon accidents: a clock set back and forth between
// two counts, a claim whose commit hangs for longer than inFlight. They end with
// the next whole count.
type count struct {
	oldest  time.Time // no job that ran, or was claimed then, was claimed before
	clock   time.Time // the server's clock under the lock
	began   time.Time // our clock, just before
	version string    // of the row of the pool
	changed time.Time // the server's clock when this version was counted first, or its clock was found set back
	whole   look      // the last count of everything
}

// inFlight is taken to be longer than a claim of another executor lasts, from
// its started_at to its commit.
const inFlight = clientTimeout + 5*time.Second

// windows are the times of claims that are counted: from since on, and from
// lateSince to lateUntil.
type windows struct {
	since, lateSince, lateUntil time.Time
}

// next returns what the next count has to look at. The clock of the server is
// read under the lock, now after that.
func (c count) next(clock, now time.Time) (w windows, whole bool) {
	if clock.Before(c.clock) || c.whole.paid() && now.Sub(c.whole.at) >= surveyInterval {
		return w, true
	}
	w.since = c.oldest.Add(-2 * now.Sub(c.began))
	if c.clock.Sub(c.changed) <= inFlight {
		w.lateSince, w.lateUntil = c.changed.Add(-inFlight), c.changed
		if w.since.Before(w.lateUntil) {
			w.lateUntil = w.since
		}
	}
	return w, false
}
