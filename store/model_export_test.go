package store

import "time"

// LookFirst makes the next claim look at the whole table; where it is in the
// round of the keys and the pools stays known.
func (q *Queue) LookFirst() {
	s := q.survey
	q.survey = survey{cursors: s.cursors, counts: s.counts, keysFirst: s.keysFirst}
	clear(q.reservations)
}

// ServerClockWasSetBack makes what this executor knows what it would know if the
// clock of the server had been ahead by d until now, and the pools had their limits
// for long.
func (q *Queue) ServerClockWasSetBack(d time.Duration) {
	for pool, c := range q.survey.counts {
		c.oldest, c.clock, c.changed = c.oldest.Add(d), c.clock.Add(d), time.Time{}
		q.survey.counts[pool] = c
	}
}
