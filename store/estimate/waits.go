package estimate

import (
	"cmp"
	"fmt"
	"slices"
)

// Wait is what jobs of the batch wait for.
type Wait struct {
	Cause   Cause   `json:"cause"`
	Name    string  `json:"name"`    // of the pool or the key, or the number of the wide job
	Seconds float64 `json:"seconds"` // of all waiting jobs together
	Pool    string  `json:"pool"`    // more slots of which might help; "" for none
}

// Cause is a kind of Wait.
type Cause string

// What a job may wait for.
const (
	PoolFull Cause = "pool full"
	WideJob  Cause = "behind a wide job"
	Mutex    Cause = "mutex key"
	Workers  Cause = "workers busy"
	NotDue   Cause = "not due"
	Retry    Cause = "retry delay"
)

// waits adds up what the jobs of the batch wait for.
type waits struct {
	seconds map[waitFor]float64
	every   int // how many moments stand for one that is looked at
	moment  int
	since   float64 // seconds since a moment was looked at
}

type waitFor struct {
	cause Cause
	name  string
	pool  string
}

// count is called when nothing more can start for so many seconds.
func (w *waits) count(s *schedule, seconds float64) {
	w.since += seconds
	if w.moment++; w.moment%w.every != 0 {
		return
	}
	seconds, w.since = w.since, 0
	for _, l := range s.lines {
		w.line(s, l, seconds)
	}
	for _, i := range s.upcoming[s.next:] {
		if s.jobs[i].own {
			w.seconds[waitFor{cause: NotDue}] += seconds
		}
	}
	for _, e := range s.events {
		if j := &s.jobs[e.job]; j.own && j.retry {
			w.seconds[waitFor{cause: Retry}] += seconds
		}
	}
}

// line counts the jobs that wait in a line.
func (w *waits) line(s *schedule, l *line, seconds float64) {
	if l.empty() {
		return
	}
	head, first, behind := l.head(s.jobs), 0.0, 0.0
	for _, list := range [][]int32{l.first[l.next:], l.late} {
		for _, i := range list {
			switch {
			case !s.jobs[i].own:
			case i == head:
				first = seconds
			default:
				behind += seconds
			}
		}
	}
	why := s.why(l)
	w.add(why, first)
	if l.key != nil {
		why = waitFor{cause: Mutex, name: l.key.name}
	}
	w.add(why, behind)
}

func (w *waits) add(on waitFor, seconds float64) {
	if seconds > 0 {
		w.seconds[on] += seconds
	}
}

// why is what the first job of a line waits for.
func (s *schedule) why(l *line) waitFor {
	switch p := l.pool; {
	case l.key != nil && l.key.held:
		return waitFor{cause: Mutex, name: l.key.name}
	case p.limited() && p.used >= p.Slots:
		return waitFor{cause: PoolFull, name: p.Name, pool: p.Name}
	case p.limited() && s.blocked(p) != nil:
		first := s.blocked(p)
		return waitFor{cause: WideJob, name: fmt.Sprint(first.id), pool: p.Name}
	default:
		return waitFor{cause: Workers}
	}
}

// blocked returns the first job of a limited pool if it finds no room.
func (s *schedule) blocked(p *poolState) *job {
	s.pass++
	l := s.headOf(p)
	if l == nil {
		return nil
	}
	if j := &s.jobs[l.head(s.jobs)]; j.slots > p.Slots-p.used {
		return j
	}
	return nil
}

// list returns the waits, the longest first.
func (w *waits) list() []Wait {
	list := make([]Wait, 0, len(w.seconds))
	for on, seconds := range w.seconds {
		list = append(list, Wait{Cause: on.cause, Name: on.name, Seconds: seconds, Pool: on.pool})
	}
	slices.SortFunc(list, func(a, b Wait) int {
		return cmp.Or(cmp.Compare(b.Seconds, a.Seconds), cmp.Compare(a.Cause, b.Cause), cmp.Compare(a.Name, b.Name))
	})
	return list
}
