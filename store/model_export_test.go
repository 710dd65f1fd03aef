package store

// LookFirst makes the next claim look at the whole table; where it is in the
// round of the keys and the pools stays known.
func (q *Queue) LookFirst() {
	s := q.survey
	q.survey = survey{cursors: s.cursors, oldest: s.oldest, keysFirst: s.keysFirst}
	clear(q.reservations)
}
