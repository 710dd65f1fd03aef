package estimate

import "math"

// schedule is one draw of a plan: what the executors would do if every run took as
// long as the dice say.
type schedule struct {
	*plan
	jobs  []job // of the plan, as they are now
	draw  int
	drift float64 // of all runs, a logarithm

	now       float64
	events    []event // a heap
	next      int     // of upcoming
	free      int     // workers, in all crews together
	left      int     // jobs of the batch that have not ended
	end       float64 // of those that have
	longest   int32   // the last of them; -1 for none
	work      float64 // of the attempts of the batch from now on, in seconds
	runs      int     // attempts of the batch, with those that have ended
	at        int     // of them at the same time, since changed
	changed   float64
	levels    levels
	keysFirst bool   // keyed jobs and lanes of unlimited pools have the first choice in turn
	pass      int    // over the lines of a limited pool
	waits     *waits // nil: nobody asks what jobs wait for
}

// event is the end of an attempt and of the gap behind it, or the end of a retry's delay.
type event struct {
	at  float64
	job int32
}

func sooner(a, b event) bool { return a.at < b.at || a.at == b.at && a.job < b.job }

// run returns in how many seconds the batch ends. Its jobs can all run: see reason.
func (s *schedule) run() float64 {
	s.begin()
	for s.left > 0 {
		s.dispatch()
		until := math.Inf(1)
		if len(s.events) > 0 {
			until = s.events[0].at
		}
		if s.next < len(s.upcoming) {
			until = min(until, s.jobs[s.upcoming[s.next]].runAt)
		}
		if math.IsInf(until, 1) {
			return until
		}
		if s.waits != nil {
			s.waits.count(s, until-s.now)
		}
		s.now = until
		s.happen()
	}
	return s.end
}

// begin makes the plan as it is now: what runs has its workers, slots and keys.
func (s *schedule) begin() {
	s.jobs, s.events = append(s.jobs[:0], s.plan.jobs...), s.events[:0]
	s.now, s.next, s.free, s.end, s.longest, s.left, s.keysFirst = 0, 0, 0, 0, -1, s.own, false
	s.work, s.runs, s.at, s.changed, s.levels = 0, len(s.past.q.Ended), 0, 0, append(s.levels[:0], s.past.levels...)
	for _, p := range s.pools {
		p.used = 0
	}
	for _, k := range s.keys {
		k.held = false
	}
	for _, r := range s.rings {
		r.turns = r.turns[:0]
	}
	for i := range s.crews {
		c := &s.crews[i]
		c.free, c.ahead = c.workers, c.ahead[:0]
		s.free += c.workers
	}
	for _, i := range s.running {
		j := &s.jobs[i]
		j.pool.used += j.slots
		if j.key != nil {
			j.key.held = true
		}
		s.give(i)
	}
	for _, l := range s.lines {
		l.next, l.late, l.ready = 0, l.late[:0], false
		if l.key != nil {
			l.ring.add(s.jobs, l)
		}
	}
}

// give hands a claimed job to a worker of its crew. If all are busy it waits for
// one: an executor claims short jobs ahead.
func (s *schedule) give(i int32) {
	j := &s.jobs[i]
	c := &s.crews[j.crew]
	if c.free == 0 {
		c.ahead = append(c.ahead, i)
		return
	}
	c.free--
	s.free--
	j.began = s.now
	lasts := s.lasts(j)
	if j.own {
		s.work += lasts
		s.runs++
		s.change(1)
	}
	push(&s.events, event{s.now + lasts + s.gap, i}, sooner)
}

// course is how the batch goes from now on.
func (s *schedule) course() course {
	return course{seconds: s.end, work: s.work, runs: s.runs, atOnce: s.levels.usual()}
}

// change counts an attempt more of the batch, or one less.
func (s *schedule) change(by int) {
	s.levels.add(s.at, s.now-s.changed)
	s.at, s.changed = s.at+by, s.now
}

// lasts is how long an attempt still takes. It decides whether it fails.
func (s *schedule) lasts(j *job) float64 {
	d := diceOf(s.seed, s.draw, j.id, int(j.failures))
	j.failed = d.next() < j.expected.failures
	j.final = j.failed && d.next() < j.expected.final
	var seconds float64
	switch {
	case j.elapsed > 0:
		seconds = j.expected.drawBeyond(j.elapsed, s.drift, &d)
	case j.failed && len(j.expected.failed) > 0:
		seconds = j.expected.failed[int(d.next()*float64(len(j.expected.failed)))]
	default:
		seconds = j.expected.draw(s.drift, &d)
	}
	if j.limit > 0 && seconds > j.limit {
		seconds, j.failed, j.final = max(j.limit, j.elapsed), true, false
	}
	return seconds*j.times - j.elapsed
}

// happen lets all happen that is due now.
func (s *schedule) happen() {
	for len(s.events) > 0 && s.events[0].at <= s.now {
		i := pop(&s.events, sooner).job
		if s.jobs[i].retry {
			s.due(i)
		} else {
			s.ended(i)
		}
	}
	for s.next < len(s.upcoming) && s.jobs[s.upcoming[s.next]].runAt <= s.now {
		s.due(s.upcoming[s.next])
		s.next++
	}
}

// due lets a job wait in its line.
func (s *schedule) due(i int32) {
	l := s.jobs[i].line
	s.jobs[i].retry = false
	l.add(s.jobs, i)
	if l.key != nil {
		l.ring.add(s.jobs, l)
	}
}

// ended takes back what a job held, and lets it be tried again if it failed.
func (s *schedule) ended(i int32) {
	j := &s.jobs[i]
	c := &s.crews[j.crew]
	c.free++
	s.free++
	if j.own {
		s.change(-1)
	}
	if len(c.ahead) > 0 {
		first := c.ahead[0]
		c.ahead = c.ahead[1:]
		s.give(first)
	}
	j.pool.used -= j.slots
	if j.failed {
		j.failures++
	}
	j.elapsed, j.crew = 0, -1
	switch {
	case j.failed && !j.final && j.failures < j.most && j.line != nil:
		d := diceOf(s.seed, s.draw, j.id, -int(j.failures))
		j.retry, j.runAt = true, s.now+retryDelay(int(j.failures), d.next())
		push(&s.events, event{j.runAt, i}, sooner)
	case j.own:
		s.left--
		s.end, s.longest = s.now-s.gap, i
	}
	if j.key != nil {
		j.key.held = false
		for _, l := range j.key.lines {
			l.ring.add(s.jobs, l)
		}
	}
}

// retryDelay is executor.RetryDelay in seconds, with its jitter from [0, 1).
func retryDelay(failures int, jitter float64) float64 {
	wait := min(3600, 5*math.Pow(2, float64(max(failures-1, 0))))
	return wait/2 + jitter*wait/2
}
