package estimate

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// A plan is drawn so often that all draws together look at drawnJobs jobs, but
// leastDraws and mostDraws times at least and at most.
const leastDraws, mostDraws, drawnJobs = 10, 200, 300_000

// Estimate is when a batch ends. Either Refusal says why nothing can be said, or
// the times are there.
type Estimate struct {
	Refusal string // one sentence; "" if there is an estimate

	P10, P50, P90 time.Time // of ten such batches one ends before P10, five before P50, nine before P90
	Bounds        bool      // the batch has too many jobs to plan: P10 and P90 are bounds, P50 lies between
	Late          float64   // share of the draws that end after Due; 0 without Due, or with Bounds
	Draws         int

	Waits    []Wait  // of the batch's jobs in the median draw, the longest first
	Last     LastJob // of the median draw
	Runs     int     // past runs that it rests on
	NewTags  int     // tags of unfinished jobs that never succeeded before
	NewShare float64 // of the work, that is of these
}

// LastJob is the job that ends last.
type LastJob struct {
	ID      int64
	Tag     string
	Seconds float64 // from its start, or from now, to its end
	New     bool    // its tag never succeeded before: it is a guess
}

// Of estimates when the batch of a queue ends. The queue stays as it is, and the
// same queue has the same estimate.
func Of(q *Queue) Estimate {
	past := newPast(q)
	q, p := past.q, newPlan(past)
	e := Estimate{Runs: past.count()}
	e.NewTags, e.NewShare = p.unknown(q)
	if e.Refusal = refusal(q, p, e.NewShare); e.Refusal != "" {
		return e
	}
	if q.OwnBeyond > 0 {
		p.bound(q, &e)
		return e
	}
	p.draw(q, &e)
	return e
}

// ending is the end of a batch in a draw, in seconds from now.
type ending struct {
	draw    int
	seconds float64
}

// draw fills in the times from many draws.
func (p *plan) draw(q *Queue, e *Estimate) {
	e.Draws = min(max(drawnJobs/max(len(p.jobs), 1), leastDraws), mostDraws)
	s, factors := &schedule{plan: p}, p.drift.shuffled(e.Draws, p.seed)
	ends, courses := make([]ending, e.Draws), make([]course, e.Draws)
	for i := range ends {
		s.draw, s.drift = i, factors[i]
		ends[i] = ending{i, s.run()}
		courses[i] = s.course()
	}
	p.stretched(q, ends, courses)
	slices.SortStableFunc(ends, func(a, b ending) int { return cmp.Compare(a.seconds, b.seconds) })
	seconds := make([]float64, len(ends))
	for i := range ends {
		seconds[i] = ends[i].seconds
	}
	e.P10, e.P50, e.P90 = after(q.Now, quantile(seconds, 0.1)), after(q.Now, quantile(seconds, 0.5)), after(q.Now, quantile(seconds, 0.9))
	if q.Due != nil {
		onTime, _ := slices.BinarySearch(seconds, math.Nextafter(q.Due.Sub(q.Now).Seconds(), math.Inf(1)))
		e.Late = 1 - float64(onTime)/float64(len(ends))
	}
	s.draw = ends[len(ends)/2].draw
	s.drift = factors[s.draw]
	s.waits = &waits{seconds: map[waitFor]float64{}, every: 1 + len(p.jobs)/50}
	s.run()
	e.Waits = s.waits.list()
	if s.longest >= 0 {
		last := &s.jobs[s.longest]
		e.Last = LastJob{ID: last.id, Tag: last.tag, Seconds: s.end - last.began, New: last.expected.own == 0}
	}
}

// after is a time so many seconds later.
func after(t time.Time, seconds float64) time.Time {
	return t.Add(time.Duration(min(seconds, math.MaxInt64/2e9) * float64(time.Second)))
}
