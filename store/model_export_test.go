package store

import "time"

// ScanFirst makes the next claim scan the whole table; where the session is in
// the round of the keys and the pools stays known.
func ScanFirst(of Session) {
	s := of.(*session)
	fresh := newSession(s.Store, s.id, s.Executor)
	s.lanes.known, s.lanes.keyed, s.lanes.limited, s.lanes.pace = fresh.lanes.known, nil, fresh.lanes.limited, pace{}
	s.batch = batch{}
	clear(s.reservations)
}

// ServerClockWasSetBack makes what this session knows what it would know if the
// clock of the server had been ahead by d until now, and the pools had their
// limits for long.
func ServerClockWasSetBack(of Session, d time.Duration) {
	s := of.(*session)
	for pool, u := range s.usages {
		u.oldest, u.clock, u.changed = u.oldest.Add(d), u.clock.Add(d), time.Time{}
		s.usages[pool] = u
	}
}

// ServerClockWasAhead makes what this store knows what it would know if the
// clock of the server had been ahead by d at the last look.
func ServerClockWasAhead(s *Store, d time.Duration) {
	s.watch.clock.last.clock = s.watch.clock.last.clock.Add(d)
}
