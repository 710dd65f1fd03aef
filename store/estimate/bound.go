package estimate

// bound fills in the bounds of a batch that has too many jobs to plan. Workers that
// do not idle while something can run end after max(W/m, p) at the earliest, and
// W/m + p at the latest: W is all work, p the longest job (Graham, 1966). A limited
// pool that is full, or a mutex key, may keep workers idle, so at the latest their
// time is added.
func (p *plan) bound(q *Queue, e *Estimate) {
	var (
		drift    = p.drift.mean
		beyond   = float64(p.own+q.OwnBeyond) / float64(max(p.own, 1)) // jobs of the batch that one of them stands for
		own, all = loads{of: map[any]*load{}}, loads{of: map[any]*load{}}
	)
	for i := range p.jobs {
		j := &p.jobs[i]
		seconds := max(0, j.expected.mean(drift)*j.times-j.elapsed)
		if j.own {
			own.add(j, seconds, beyond)
			all.add(j, seconds, beyond)
		} else {
			all.add(j, seconds, 1)
		}
	}
	workers := 0
	for i := range p.crews {
		workers += p.crews[i].workers
	}
	least := max(own.work/float64(max(workers, 1)), own.longest)
	for of, l := range own.of {
		least = max(least, l.work/float64(slotsOf(of)))
	}
	most := all.work/float64(max(workers, 1)) + all.longest
	for of, l := range all.of {
		most += l.work / float64(max(1, slotsOf(of)-l.widest+1))
	}
	e.Bounds = true
	e.P10, e.P50, e.P90 = after(q.Now, least), after(q.Now, (least+most)/2), after(q.Now, most)
}

// slotsOf is how many slots a limited pool or a mutex key has.
func slotsOf(of any) int {
	if p, ok := of.(*poolState); ok {
		return p.Slots
	}
	return 1
}

// load is what a resource has to do.
type load struct {
	work    float64 // slot-seconds
	longest float64 // seconds of a job
	widest  int     // slots of a job
}

func (l *load) add(seconds, times float64, slots int) {
	l.work += seconds * times * float64(slots)
	l.longest = max(l.longest, seconds)
	l.widest = max(l.widest, slots)
}

// loads are those of the workers, and of each limited pool and each key.
type loads struct {
	load
	of map[any]*load
}

// add adds a job so many times.
func (l *loads) add(j *job, seconds, times float64) {
	l.load.add(seconds, times, 1)
	to := func(of any, slots int) {
		if l.of[of] == nil {
			l.of[of] = &load{}
		}
		l.of[of].add(seconds, times, slots)
	}
	if j.pool.limited() {
		to(j.pool, j.slots)
	}
	if j.key != nil {
		to(j.key, 1)
	}
}
