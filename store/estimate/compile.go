package estimate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// newPlan makes a plan of the queue of a past.
func newPlan(p *past) *plan {
	q := p.q
	c := &compiler{
		plan:     &plan{past: p, drift: p.drift, seed: seedOf(q.Batch), gap: gapOf(q)},
		q:        q,
		pools:    map[string]*poolState{},
		crewOf:   map[string]int{},
		takersOf: map[likeBatch]*takers{},
		same:     map[string]*takers{},
		keysOf:   map[string]*key{},
		linesOf:  map[place]*line{},
		ringsOf:  map[place]*ring{},
	}
	c.addPools()
	c.addCrews()
	for i := range q.Jobs {
		c.add(&q.Jobs[i])
	}
	for i := range q.Beyond {
		c.addLump(&q.Beyond[i])
	}
	c.fill()
	return c.plan
}

// compiler finds by name what a plan holds by place.
type compiler struct {
	*plan
	q        *Queue
	pools    map[string]*poolState
	crewOf   map[string]int // by executor
	takersOf map[likeBatch]*takers
	same     map[string]*takers
	keysOf   map[string]*key
	linesOf  map[place]*line
	ringsOf  map[place]*ring
}

type likeBatch struct {
	Like
	batch string
}

// takers are the crews that take certain jobs.
type takers struct{ crews []int }

// place is where a line or a ring belongs.
type place struct {
	pool   *poolState
	takers *takers
	key    *key
}

func (c *compiler) addPools() {
	for i := range c.q.Pools {
		one := &poolState{Pool: &c.q.Pools[i]}
		c.pools[one.Name] = one
		c.plan.pools = append(c.plan.pools, one)
	}
}

func (c *compiler) addCrews() {
	known := map[string]int{}
	for i := range c.q.Executors {
		e := &c.q.Executors[i]
		name := fmt.Sprintf("%q %q %t %q %t", slices.Sorted(slices.Values(e.Kinds)), slices.Sorted(slices.Values(e.Pools)), e.Pools == nil, e.Batch, e.Drains)
		at, ok := known[name]
		if !ok {
			at = len(c.crews)
			known[name] = at
			c.crews = append(c.crews, crew{like: e})
		}
		c.crews[at].workers += e.Workers
		c.crewOf[e.ID] = at
	}
}

// takers are the same for all jobs that the same crews run.
func (c *compiler) takers(l Like, batch string) *takers {
	group := likeBatch{l, batch}
	if known := c.takersOf[group]; known != nil {
		return known
	}
	one := &takers{}
	for i := range c.crews {
		if c.crews[i].like.takes(l, batch) {
			one.crews = append(one.crews, i)
		}
	}
	name := fmt.Sprint(one.crews)
	if c.same[name] == nil {
		c.same[name] = one
	}
	c.takersOf[group] = c.same[name]
	return c.same[name]
}

// add adds a job, unless it is another's that cannot run: then it is in nobody's way.
func (c *compiler) add(j *Job) {
	pool, takers := c.pools[j.Pool], c.takers(j.Like, j.Batch)
	at, held := c.crewOf[j.Executor]
	one := job{
		id: j.ID, tag: j.Tag, runAt: j.RunAt.Sub(c.q.Now).Seconds(), limit: j.TimeoutSeconds, times: 1, pool: pool,
		expected: c.past.of(j.series, j.Like), slots: j.Slots, priority: int16(j.Priority), crew: -1,
		failures: int16(j.Failures), most: int16(max(j.MaxAttempts, 1)), own: j.Batch == c.q.Batch,
	}
	switch {
	case pool == nil:
		return
	case j.running() && held:
		one.crew, one.elapsed = at, max(0, c.q.Now.Sub(j.StartedAt).Seconds())
	case pool.Paused || len(takers.crews) == 0 || pool.limited() && j.Slots > pool.Slots:
		return
	case j.running(): // its executor is dead, which counts as a failure: another one takes it over
		if one.failures++; one.failures >= one.most {
			return
		}
	}
	if j.MutexKey != "" {
		one.key = c.key(j.MutexKey)
	}
	if len(takers.crews) > 0 {
		one.line = c.line(pool, takers, one.key)
	}
	c.jobs = append(c.jobs, one)
	if one.own {
		c.own++
	}
}

// addLump adds jobs that stand for many: as many as can run at a time, each as
// long as its share.
func (c *compiler) addLump(l *Lump) {
	pool, takers := c.pools[l.Pool], c.takers(l.Like, "")
	if pool == nil || pool.Paused || len(takers.crews) == 0 {
		return
	}
	workers := 0
	for _, at := range takers.crews {
		workers += c.crews[at].workers
	}
	if pool.limited() {
		workers = min(workers, pool.Slots)
	}
	n, expected := min(l.Jobs, workers), c.meanOf(pool)
	for range n {
		c.jobs = append(c.jobs, job{
			id: math.MaxInt64 - int64(len(c.jobs)), runAt: l.RunAt.Sub(c.q.Now).Seconds(), times: float64(l.Jobs) / float64(n), pool: pool,
			expected: expected, slots: 1, priority: int16(l.Priority), crew: -1, most: 1, line: c.line(pool, takers, nil),
		})
	}
}

// meanOf expects the mean of what others' jobs in a pool are expected to take.
func (c *compiler) meanOf(pool *poolState) *prediction {
	sum, n := 0.0, 0
	for i := range c.jobs {
		if j := &c.jobs[i]; j.pool == pool && !j.own {
			sum += j.expected.mean(0)
			n++
		}
	}
	return &prediction{runs: []pastRun{{log: math.Log(max(sum/float64(max(n, 1)), shortest)), share: 1}}}
}

func (c *compiler) key(name string) *key {
	one := c.keysOf[name]
	if one == nil {
		one = &key{name: name}
		c.keysOf[name] = one
		c.keys = append(c.keys, one)
	}
	return one
}

// line returns the line of a pool for those who take its jobs, and for a key.
func (c *compiler) line(pool *poolState, t *takers, k *key) *line {
	at := place{pool, t, k}
	one := c.linesOf[at]
	if one != nil {
		return one
	}
	one = &line{pool: pool, crews: t.crews, key: k}
	c.linesOf[at] = one
	c.lines = append(c.lines, one)
	if k == nil {
		pool.lanes = append(pool.lanes, one)
		return one
	}
	k.lines = append(k.lines, one)
	at.key = nil
	if c.ringsOf[at] == nil {
		c.ringsOf[at] = &ring{limited: pool.limited()}
		c.rings = append(c.rings, c.ringsOf[at])
		pool.rings = append(pool.rings, c.ringsOf[at])
	}
	one.ring = c.ringsOf[at]
	return one
}

// fill puts the jobs into their lines. Keys go round by their names.
func (c *compiler) fill() {
	slices.SortStableFunc(c.lines, func(a, b *line) int { return strings.Compare(a.name(), b.name()) })
	order := make([]int32, len(c.jobs))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return c.jobs[a].compare(&c.jobs[b]) })
	for _, i := range order {
		switch j := &c.jobs[i]; {
		case j.crew >= 0:
			c.running = append(c.running, i)
		case j.runAt > 0:
			c.upcoming = append(c.upcoming, i)
		default:
			j.line.first = append(j.line.first, i)
		}
	}
	slices.SortStableFunc(c.upcoming, func(a, b int32) int { return cmp.Compare(c.jobs[a].runAt, c.jobs[b].runAt) })
	slices.SortStableFunc(c.running, func(a, b int32) int { return cmp.Compare(c.jobs[b].elapsed, c.jobs[a].elapsed) })
}
