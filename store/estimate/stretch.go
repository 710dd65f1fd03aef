package estimate

import (
	"cmp"
	"math"
	"slices"
	"time"
)

const (
	// stretchBatches before this one must tell how far batches stretch.
	stretchBatches = 3
	// usualStretch is by how much batches stretch otherwise than their plans do: the standard
	// deviation of the logarithm.
	usualStretch = 0.15
	// alike is how many jobs, and how many at the same time, a batch before had if it tells
	// anything of this one, in relation to this one: at least, and at most the inverse.
	alike = 0.8
)

// course is how the rest of a batch went, from a moment on.
type course struct {
	seconds float64 // to its end
	work    float64 // of its attempts in that time, in seconds
	runs    int     // attempts of the batch, from its first on
	atOnce  int     // of these at the same time, usually
}

// stretch is how long a batch takes for its work, as a logarithm. A plan knows what it
// depends on but for one thing: what comes later and takes workers away.
func (c course) stretch() float64 { return math.Log(max(c.seconds, shortest) / max(c.work, shortest)) }

// like reports whether a course tells something of another.
func (c course) like(o course) bool {
	near := func(a, b int) bool { return float64(a) >= alike*float64(b) && float64(b) >= alike*float64(a) }
	return near(c.runs, o.runs) && near(c.atOnce, o.atOnce)
}

// courseOf is how a batch of ended runs went from when a share of them was done, with the
// levels of all of it.
func courseOf(runs []Run, done float64) (c course, l levels) {
	type moment struct {
		at    time.Time
		begun int
	}
	moments := make([]moment, 0, 2*len(runs))
	for i := range runs {
		seconds := max(runs[i].Seconds, shortest)
		moments = append(moments, moment{runs[i].Ended.Add(-time.Duration(seconds * float64(time.Second))), 1}, moment{runs[i].Ended, -1})
	}
	slices.SortFunc(moments, func(a, b moment) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.begun, b.begun)) })
	at, toEnd := 0, int(math.Round(done*float64(len(runs)))) // attempts now, and those that end before the rest
	for i, m := range moments {
		if i > 0 {
			seconds := m.at.Sub(moments[i-1].at).Seconds()
			l.add(at, seconds)
			if toEnd <= 0 {
				c.seconds += seconds
				c.work += float64(at) * seconds
			}
		}
		if at += m.begun; m.begun < 0 {
			toEnd--
		}
	}
	c.runs, c.atOnce = len(runs), l.usual()
	return c, l
}

// before are the courses of earlier batches, the newest first, of the series of this one,
// when such a share of their runs was done.
func before(q *Queue, done float64) (list []course) {
	series := map[string]bool{}
	for i := range q.Ended {
		series[q.Ended[i].series] = true
	}
	for i := range q.Jobs {
		if q.Jobs[i].Batch == q.Batch {
			series[q.Jobs[i].series] = true
		}
	}
	runs, last := map[string][]Run{}, map[string]time.Time{}
	for one := range series {
		for _, r := range q.Past[one] {
			if r.Batch == "" {
				continue
			}
			runs[r.Batch] = append(runs[r.Batch], r)
			if r.Ended.After(last[r.Batch]) {
				last[r.Batch] = r.Ended
			}
		}
	}
	names := make([]string, 0, len(runs))
	for name := range runs {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(last[b].Compare(last[a]), cmp.Compare(a, b)) })
	for _, name := range names[:min(len(names), driftBatches)] {
		c, _ := courseOf(runs[name], done)
		list = append(list, c)
	}
	return list
}

// stretched makes the ends of the draws as much later as batches before this one took longer
// for the rest of their work than the draws do for theirs, and spreads them as far. Not
// earlier: what a plan waits for tonight is known, such as a job that is not due. What has
// gone otherwise so far says nothing of the rest. courses are those of the draws.
func (p *plan) stretched(q *Queue, ends []ending, courses []course) {
	var were []float64
	for _, c := range before(q, float64(len(q.Ended))/float64(max(courses[0].runs, 1))) {
		if c.like(courses[0]) {
			were = append(were, c.stretch())
		}
	}
	if len(were) < stretchBatches {
		return
	}
	drawn := make([]float64, len(courses))
	for i := range courses {
		drawn[i] = courses[i].stretch()
	}
	past, pastSpread := middleOf(were)
	draws, drawsSpread := middleOf(drawn)
	n := float64(len(were))
	doubt, usual := medianVariance(pastSpread, n), usualStretch*usualStretch
	more := max(0, pastSpread*pastSpread-drawsSpread*drawsSpread) * n / (n + usualBatches) // less what may be chance
	shift := drift{mean: max(0, past-draws) * usual / (usual + doubt), deviation: math.Sqrt(more + usual*doubt/(usual+doubt))}
	factors := shift.shuffled(len(ends), p.seed+1)
	for i := range ends {
		ends[i].seconds *= math.Exp(factors[i])
	}
}
