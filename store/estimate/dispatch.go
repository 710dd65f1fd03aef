package estimate

// dispatch starts what can start now, by the rules of package store.
func (s *schedule) dispatch() {
	for s.free > 0 {
		l := s.choose()
		if l == nil {
			return
		}
		s.start(l)
	}
}

// start starts the first job of a line, on the crew with the most free workers.
func (s *schedule) start(l *line) {
	i := l.head(s.jobs)
	j := &s.jobs[i]
	l.pop(s.jobs)
	j.crew = s.freest(l)
	l.pool.used += j.slots
	if l.key != nil {
		l.key.held = true
		l.ring.drop(s.jobs)
	}
	s.give(i)
}

// choose returns the line whose first job is claimed next; nil if none can run.
// Jobs of all pools go by priority, run_at and id, but for keyed jobs of unlimited
// pools: their priority holds within a key, and they have the first choice every
// other time.
func (s *schedule) choose() *line {
	var best, keyed *line
	for _, p := range s.pools {
		if p.limited() {
			best = s.first(best, s.inLimited(p))
			continue
		}
		for _, l := range p.lanes {
			if !l.empty() && s.freest(l) >= 0 {
				best = s.first(best, l)
			}
		}
		for _, r := range p.rings {
			if l := r.peek(s.jobs); l != nil && s.freest(l) >= 0 {
				keyed = s.first(keyed, l)
			}
		}
	}
	if keyed == nil || best == nil {
		if best == nil {
			best = keyed
		}
		return best
	}
	s.keysFirst = !s.keysFirst
	if s.keysFirst {
		return keyed
	}
	return best
}

// inLimited returns the line of a limited pool whose first job is claimed next.
// Nothing overtakes there: the first job that does not fit ends it. A job that fits
// and finds no worker reserves its slots.
func (s *schedule) inLimited(p *poolState) *line {
	free := p.Slots - p.used
	s.pass++
	for reserved := false; free > 0; {
		l := s.headOf(p)
		if l == nil {
			return nil
		}
		j := &s.jobs[l.head(s.jobs)]
		switch {
		case j.slots > free:
			return nil
		case s.freest(l) >= 0:
			return l
		case !reserved:
			free -= j.slots
			reserved = true
		}
		l.passed = s.pass
	}
	return nil
}

// headOf returns the line with the first job of a limited pool, among those that
// were not passed over.
func (s *schedule) headOf(p *poolState) (best *line) {
	for _, l := range p.lanes {
		if l.passed != s.pass && !l.empty() {
			best = s.first(best, l)
		}
	}
	for _, r := range p.rings {
		if l := r.peek(s.jobs); l != nil && l.passed != s.pass {
			best = s.first(best, l)
		}
	}
	return best
}

// first returns the line whose first job comes first. Either may be nil.
func (s *schedule) first(a, b *line) *line {
	if a == nil || b != nil && s.jobs[b.head(s.jobs)].before(&s.jobs[a.head(s.jobs)]) {
		return b
	}
	return a
}

// freest returns the crew of a line with the most free workers; -1 if all are busy.
func (s *schedule) freest(l *line) int {
	best, most := -1, 0
	for _, at := range l.crews {
		if s.crews[at].free > most {
			best, most = at, s.crews[at].free
		}
	}
	return best
}
