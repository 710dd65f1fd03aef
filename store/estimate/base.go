package estimate

import (
	"cmp"
	"math"
	"slices"
)

const (
	// usualDrift is by how much batches drift where too few are known: the standard
	// deviation of the logarithm. It weighs as much as usualBatches.
	usualDrift   = 0.2
	usualBatches = 3
	// driftBatches is how many batches before this one tell how much they drift.
	driftBatches = 20
	// driftJobs of a batch tell how it drifts; with fewer it is taken not to.
	driftJobs = 3
	// rounds of taking turns between tags and batches; more change nothing.
	rounds = 3
)

// base is what the runs of before would have been without the drift of their
// batches: the logarithm of a run is that of its series, and the effect of its batch,
// and chance. With the drift of ten nights left in them, ten runs differ by far more
// than the jobs of one night do.
type base struct {
	effects map[string]*effect
	centers map[string]float64 // by series: the logarithm
	tails   []float64          // of all runs, what is neither of their tag nor of their batch; sorted
	spread  float64            // of these
}

// effect is what the runs of a batch have in common, as a logarithm.
type effect struct {
	size   float64
	last   int64     // when its last run ended, in nanoseconds
	ratios []float64 // of its runs to those of their tags
	ended  []int64   // when these ended, in nanoseconds
}

// newBase takes the runs of all series apart, by taking turns.
func newBase(q *Queue) *base {
	b := &base{effects: map[string]*effect{}, centers: map[string]float64{}}
	for _, runs := range q.Past {
		for i := range runs {
			if e := b.effects[runs[i].Batch]; e == nil && runs[i].Batch != "" {
				b.effects[runs[i].Batch] = &effect{}
			}
		}
	}
	for range rounds {
		for _, e := range b.effects {
			e.ratios, e.ended = e.ratios[:0], e.ended[:0]
		}
		for series, runs := range q.Past {
			b.center(series, runs)
		}
		for _, e := range b.effects {
			e.size = 0
			if len(e.ratios) >= driftJobs {
				middle, spread := middleOf(e.ratios)
				e.size = shrunk(middle, spread, float64(len(e.ratios)))
			}
		}
	}
	b.rest(q)
	return b
}

// center finds the middle of the runs of a series without the effects of their batches,
// and gives these what is left. Newer batches count more.
func (b *base) center(series string, runs []Run) {
	sum, weights, weight, less := 0.0, 0.0, 1.0, math.Pow(older, 1/perBatch(runs))
	for i := range runs {
		if !runs[i].Failed {
			sum += weight * b.without(&runs[i])
			weights += weight
			weight *= less
		}
	}
	if weights == 0 {
		return
	}
	center := sum / weights
	b.centers[series] = center
	for i := range runs {
		if e := b.effects[runs[i].Batch]; e != nil && !runs[i].Failed {
			e.ratios = append(e.ratios, math.Log(max(runs[i].Seconds, shortest))-center)
			e.ended = append(e.ended, runs[i].Ended.UnixNano())
			e.last = max(e.last, runs[i].Ended.UnixNano())
		}
	}
}

// without is the logarithm of how long a run would have taken without the drift of
// its batch.
func (b *base) without(r *Run) float64 {
	log := math.Log(max(r.Seconds, shortest))
	if e := b.effects[r.Batch]; e != nil {
		log -= e.size
	}
	return log
}

// rest finds what is neither of a tag nor of a batch.
func (b *base) rest(q *Queue) {
	for series, runs := range q.Past {
		for i := range runs {
			if !runs[i].Failed {
				b.tails = append(b.tails, b.without(&runs[i])-b.centers[series])
			}
		}
	}
	slices.Sort(b.tails)
	if len(b.tails) > 0 {
		_, b.spread = middleOf(b.tails)
	}
}

// middle returns the center of runs and their spread, which of a few is that of all
// tags for the most part.
func (b *base) middle(runs []pastRun) (center, spread float64) {
	below := 0.0
	for i := range runs {
		center += runs[i].log * (runs[i].share - below)
		below = runs[i].share
	}
	sum := 4 * b.spread * b.spread
	for i := range runs {
		sum += (runs[i].log - center) * (runs[i].log - center)
	}
	return center, math.Sqrt(sum / float64(len(runs)+4))
}

// usual is how much a batch drifts, as far as those before it tell: like the ones
// just before it, and by as much off as these were off those before them.
func (b *base) usual() drift {
	list := b.latest()
	sum, n, mean := usualBatches*usualDrift*usualDrift, float64(usualBatches), mean{}
	for _, e := range list {
		if mean.weights > 0 {
			off := e.size - mean.value()
			_, spread := middleOf(e.ratios)
			sum += max(0, off*off-shrunkVariance(spread, float64(len(e.ratios)))) // less what may be chance
			n++
		}
		mean.add(e.size)
	}
	return drift{mean.value(), math.Sqrt(sum / n)}
}

// latest are the effects of the batches before this one that are known, the newest last.
func (b *base) latest() []*effect {
	list := make([]*effect, 0, len(b.effects))
	for _, e := range b.effects {
		if len(e.ratios) >= driftJobs {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b *effect) int { return cmp.Or(cmp.Compare(a.last, b.last), cmp.Compare(a.size, b.size)) })
	return list[max(0, len(list)-driftBatches):]
}

// mean is of values of which newer ones count more.
type mean struct{ sum, weights float64 }

func (m *mean) add(v float64) { m.sum, m.weights = m.sum*older+v, m.weights*older+1 }

func (m *mean) value() float64 { return m.sum / max(m.weights, 1) }

// shrunk is a median of n values with so much spread, less what may be chance.
func shrunk(middle, spread, n float64) float64 {
	doubt := medianVariance(spread, n)
	return middle * usualDrift * usualDrift / (usualDrift*usualDrift + doubt)
}

// shrunkVariance is the variance of what shrunk returns, by chance alone.
func shrunkVariance(spread, n float64) float64 {
	less := shrunk(1, spread, n)
	return less * less * medianVariance(spread, n)
}

// medianVariance is the variance of the median of n values with so much spread.
func medianVariance(spread, n float64) float64 { return math.Pi / 2 * spread * spread / n }

// middleOf returns the median, and the spread around it as a standard deviation:
// that which half of the values keep, so that a few wild ones change neither.
func middleOf(values []float64) (middle, spread float64) {
	sorted := slices.Sorted(slices.Values(values))
	middle = quantile(sorted, 0.5)
	for i, v := range sorted {
		sorted[i] = math.Abs(v - middle)
	}
	slices.Sort(sorted)
	return middle, 1.4826 * quantile(sorted, 0.5)
}

// quantile of sorted values, between neighbours.
func quantile(sorted []float64, u float64) float64 {
	at := u * float64(len(sorted)-1)
	below := int(at)
	if below+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[below] + (at-float64(below))*(sorted[below+1]-sorted[below])
}
