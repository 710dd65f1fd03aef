package estimate

import (
	"maps"
	"math"
	"slices"
)

const (
	// lastRuns is how many successes of a job in earlier batches are drawn from.
	lastRuns = 10
	// enoughRuns of its own make a tag do without those of others.
	enoughRuns = 3
	// othersRuns is how many those of others are, at most.
	othersRuns = 200
)

// past predicts jobs from what ended.
type past struct {
	q       *Queue
	tonight map[string][]Run // the batch's ended attempts by series, the newest first
	failing float64          // share of all attempts that failed
	final   float64          // share of these that failed for good
	known   map[likeSeries]*prediction
	base    *base
	drift   drift  // of tonight
	levels  levels // of the batch's ended attempts
}

type likeSeries struct {
	series string
	Like
}

func newPast(q *Queue) *past {
	q = q.inSeries()
	p := &past{q: q, tonight: map[string][]Run{}, known: map[likeSeries]*prediction{}, base: newBase(q)}
	final, failed, all := 0, 0, 0
	count := func(runs []Run) {
		for i := range runs {
			if all++; runs[i].Failed {
				failed++
			}
			if runs[i].Final {
				final++
			}
		}
	}
	count(q.Ended)
	for _, runs := range q.Past {
		count(runs)
	}
	p.failing, p.final = float64(failed)/float64(max(all, 1)), float64(final)/float64(max(failed, 1))
	ended := slices.SortedStableFunc(slices.Values(q.Ended), func(a, b Run) int { return b.Ended.Compare(a.Ended) })
	for _, r := range ended {
		p.tonight[r.series] = append(p.tonight[r.series], r)
	}
	_, p.levels = courseOf(append(q.begun(), q.Ended...), 0)
	p.drift = p.base.tonight(q)
	p.base.effects[q.Batch] = &effect{size: p.drift.mean}
	return p
}

// of predicts the jobs of a series. Where that has hardly any runs, those of the
// batch's ended jobs stand beside them, else those of the same kind in the same
// pool.
func (p *past) of(series string, like Like) *prediction {
	key := likeSeries{series, like}
	if one := p.known[key]; one != nil {
		return one
	}
	one, final := &prediction{}, 0
	each := perBatch(p.q.Past[series])
	weight, less := 1.0, math.Pow(older, 1/each)
	for _, runs := range [][]Run{p.tonight[series], p.q.Past[series]} {
		for i := range runs {
			switch {
			case runs[i].Failed:
				one.failed = append(one.failed, max(runs[i].Seconds, shortest))
				if runs[i].Final {
					final++
				}
			case float64(one.own) < lastRuns*each:
				one.runs = append(one.runs, pastRun{log: p.base.without(&runs[i]), share: weight})
				one.own++
				weight *= less
			}
		}
	}
	one.failures = (float64(len(one.failed)) + 2*p.failing) / float64(len(one.failed)+one.own+2)
	one.final = (float64(final) + 2*p.final) / float64(len(one.failed)+2)
	if one.own < enoughRuns {
		one.runs = append(one.runs, p.others(like)...)
	}
	weigh(one.runs)
	one.tails = p.base.tails
	one.center, one.spread = p.base.middle(one.runs)
	for i := range one.runs { // smoothed, they spread as far as before
		one.runs[i].log = one.center + math.Sqrt(1-smooth*smooth)*(one.runs[i].log-one.center)
	}
	p.known[key] = one
	return one
}

// perBatch is how many runs a batch has, of those that have one; 1 at least.
func perBatch(runs []Run) float64 {
	batches := map[string]int{}
	for i := range runs {
		if runs[i].Batch != "" {
			batches[runs[i].Batch]++
		}
	}
	n := 0
	for _, in := range batches {
		n += in
	}
	return max(1, float64(n)/float64(max(len(batches), 1)))
}

// others are runs of other tags, together as likely as one or two of its own.
func (p *past) others(like Like) []pastRun {
	runs := successes(p.q.Ended)
	if len(runs) < enoughRuns {
		runs = p.last(func(r *Run) bool { return r.Like == like })
	}
	if len(runs) < enoughRuns {
		runs = p.last(func(*Run) bool { return true })
	}
	list := make([]pastRun, len(runs))
	for i := range runs {
		list[i] = pastRun{log: p.base.without(&runs[i]), share: 1.5 / float64(len(runs))}
	}
	return list
}

// last returns the last success of each series, of those that are wanted.
func (p *past) last(wanted func(*Run) bool) (list []Run) {
	for _, series := range slices.Sorted(maps.Keys(p.q.Past)) {
		if runs := successes(p.q.Past[series]); len(runs) > 0 && wanted(&runs[0]) && len(list) < othersRuns {
			list = append(list, runs[0])
		}
	}
	return list
}

// successes returns the newest of runs that did not fail.
func successes(runs []Run) (list []Run) {
	for i := range runs {
		if !runs[i].Failed && len(list) < othersRuns {
			list = append(list, runs[i])
		}
	}
	return list
}

// count is how many runs the past has.
func (p *past) count() int {
	n := len(p.q.Ended)
	for _, runs := range p.q.Past {
		n += len(runs)
	}
	return n
}
