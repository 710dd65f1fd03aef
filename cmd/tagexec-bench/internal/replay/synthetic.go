package replay

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tagexec/tagexec/store/estimate"
)

// World is a queue that never was: a batch of the same tags every night.
type World struct {
	name    string
	spread  float64 // of a tag's runs: standard deviation of the logarithm
	wild    float64 // share of runs that take ten times as long
	nightly float64 // standard deviation of the logarithm of what all runs of a night have in common
	growth  float64 // of all runs, from night to night
	fails   float64 // share of attempts that fail
	keys    int     // mutex keys; 0 for none
	slots   int     // of the pool that a third of the jobs are in; 0 for none
	each    int     // jobs of a tag, as of days or regions, in the order of how long they take; 0: one
	second  bool    // another batch competes, which goes first
	stream  uint64  // of its random numbers
	only    string  // of the two, the one that is estimated; "" for all
}

// Worlds are the kinds of nights that are tried.
func Worlds() []World {
	return []World{
		{name: "lognormal", stream: 9, spread: 0.3},
		{name: "heavy tail", stream: 10, spread: 0.5, wild: 0.02},
		{name: "drift", stream: 5, spread: 0.3, nightly: 0.35, growth: 0.01},
		{name: "retries", stream: 7, spread: 0.3, nightly: 0.1, fails: 0.06},
		{name: "mutex, limited pool", stream: 19, spread: 0.3, nightly: 0.1, keys: 12, slots: 6},
		{name: "twenty jobs of each tag", stream: 23, spread: 0.3, nightly: 0.1, each: 20},
		{name: "two batches, the one that waits", stream: 11, spread: 0.3, nightly: 0.1, second: true, only: "night "},
		{name: "two batches, the one that goes first", stream: 11, spread: 0.3, nightly: 0.1, second: true, only: "other "},
	}
}

const (
	nights       = 24
	tagsOfBatch  = 240
	workersOfAll = 16
)

// Trace makes the nights and lets a world run them.
func (s World) Trace(seed uint64) *Trace {
	r := rand.New(rand.NewPCG(seed, s.stream))
	t := &Trace{Name: s.name, Only: s.only, Pools: []estimate.Pool{{Name: "default"}, {Name: "warehouse", Slots: s.slots}}}
	began := time.Date(2026, 1, 1, 2, 0, 0, 0, time.UTC)
	w := &world{rand: r, trace: t, now: began, cursor: map[string]string{}, usual: map[int64]float64{}}
	for i := range 2 {
		t.Executors = append(t.Executors, Executor{
			Executor: estimate.Executor{ID: fmt.Sprint("executor ", i), Workers: workersOfAll / 2, Kinds: []string{"sql"}},
			From:     began.Add(-time.Hour), Until: began.AddDate(1, 0, 0),
		})
	}
	for i := range t.Executors {
		w.executors = append(w.executors, &worldExecutor{Executor: &t.Executors[i], wake: began})
	}
	// The batch that is estimated, and the one that competes with it.
	t.Jobs = make([]Job, 0, 2*nights*tagsOfBatch)
	usual := [2][]float64{}
	for b := range usual {
		for range tagsOfBatch {
			usual[b] = append(usual[b], 10*math.Exp(r.NormFloat64()))
		}
		for tag := range slices.Chunk(usual[b], max(s.each, 1)) {
			slices.Sort(tag)
		}
	}
	other := rand.New(rand.NewPCG(seed, 2))
	t.Possible = func(j *Job, n int) (list []float64) {
		for range n {
			list = append(list, s.takes(other, w.usual[j.ID]))
		}
		return list
	}
	for night := range nights {
		factor := math.Exp(s.nightly*r.NormFloat64()) * math.Pow(1+s.growth, float64(night))
		at := began.AddDate(0, 0, night)
		s.add(w, at, fmt.Sprint("night ", night), 0, 5, usual[0], factor)
		if s.second {
			s.add(w, at.Add(seconds(20+40*r.Float64())), fmt.Sprint("other ", night), tagsOfBatch, 7, usual[1][:tagsOfBatch/3], factor)
		}
		w.run(at)
	}
	return t
}

// add inserts a batch, of a tag with so many usual seconds each.
func (s World) add(w *world, at time.Time, key string, first, priority int, usual []float64, factor float64) {
	r := w.rand
	for i, typical := range usual {
		j := Job{Created: at, Job: estimate.Job{
			ID: int64(len(w.trace.Jobs) + 1), Tag: fmt.Sprint("tag ", (first+i)/max(s.each, 1)), Batch: key, Like: estimate.Like{Kind: "sql", Pool: "default"},
			Slots: 1, Priority: priority, RunAt: at, MaxAttempts: 3,
		}}
		if s.keys > 0 && i%3 == 0 {
			j.MutexKey = fmt.Sprint("key ", i/3%s.keys)
		}
		if s.slots > 0 && i%3 == 1 {
			j.Pool, j.Slots = "warehouse", 1+i%9/7*3
		}
		w.trace.Jobs = append(w.trace.Jobs, j)
		w.usual[j.ID] = typical * factor
		w.jobs = append(w.jobs, &worldJob{
			Job: &w.trace.Jobs[len(w.trace.Jobs)-1], runAt: at,
			fails: func(int) bool { return r.Float64() < s.fails },
			takes: func(int) time.Duration { return seconds(s.takes(r, typical*factor)) },
		})
	}
}

// takes draws how many seconds a job takes that usually takes so many.
func (s World) takes(r *rand.Rand, usual float64) float64 {
	takes := usual * math.Exp(s.spread*r.NormFloat64())
	if r.Float64() < s.wild {
		takes *= 10
	}
	return takes
}
