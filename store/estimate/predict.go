package estimate

import (
	"math"
	"sort"
)

const (
	// older is how much less likely a run is drawn than the one after it.
	older = 0.93
	// longer is what a job that has run longer than any before is taken to need in all, in
	// relation to what it has run: the median. What lasts is taken to last in proportion to
	// how long it has lasted (the Pareto distribution), up to longest.
	longer, longest = 1.5, 4
	// shortest run that is believed, in seconds: logarithms are taken.
	shortest = 1e-4
	// smooth is how far between the runs a draw may fall, in relation to their
	// spread: ten runs do not say that nothing between two of them can be.
	smooth = 0.5
	// tries at a run that takes longer than a job has run.
	tries = 8
)

// prediction is what the past tells about the next attempt of a job. Its runs are
// drawn and not averaged, because the end of a batch depends on what is rare.
type prediction struct {
	runs     []pastRun
	spread   float64   // of the logarithms of runs
	center   float64   // of the logarithms
	tails    []float64 // sorted logarithms of any tag's runs in relation to the center of their tag
	failed   []float64 // seconds of attempts that failed
	failures float64   // share of attempts that fail
	final    float64   // share of these that fail for good
	own      int       // how many of the runs are of its series
}

type pastRun struct {
	log   float64 // of its seconds, without the drift of its batch
	share float64 // of the weights of all runs, up to this one
}

// mean is what a run takes on average, in seconds. drift is a logarithm.
func (p *prediction) mean(drift float64) float64 {
	sum, below := 0.0, 0.0
	for i := range p.runs {
		sum += math.Exp(p.runs[i].log+drift) * (p.runs[i].share - below)
		below = p.runs[i].share
	}
	return sum
}

// draw is how long an attempt takes. drift is a logarithm.
func (p *prediction) draw(drift float64, d *dice) float64 {
	return math.Exp(p.drawLog(drift, d))
}

func (p *prediction) drawLog(drift float64, d *dice) float64 {
	i := p.place(d.next())
	return p.runs[i].log + smooth*p.spread*d.normal() + drift
}

// place is that of the run in whose share a number from 0 to 1 falls.
func (p *prediction) place(u float64) int {
	return sort.Search(len(p.runs)-1, func(i int) bool { return u < p.runs[i].share })
}

// drawBeyond is how long an attempt takes in all that has run so many seconds: as
// long as one that took longer. Where its tag has hardly any, it is as those of all
// tags that ran so much longer than usual. One that took longer than all of them is given
// half as much again, or less, or far more, so that a prediction that was wrong is
// corrected, and does not claim to be sure.
func (p *prediction) drawBeyond(elapsed, drift float64, d *dice) float64 {
	least := math.Log(elapsed)
	for range tries {
		if log := p.drawLog(drift, d); log > least {
			return math.Exp(log)
		}
	}
	center := p.center + drift
	from := above(p.tails, least-center)
	if from == len(p.tails) {
		return elapsed * min(longest, math.Pow(1-d.next(), -math.Log2(longer)))
	}
	return math.Exp(center + p.tails[from+int(d.next()*float64(len(p.tails)-from))])
}

// above is the place of the first of sorted values that is larger than v.
func above(sorted []float64, v float64) int {
	low, high := 0, len(sorted)
	for low < high {
		if middle := (low + high) / 2; sorted[middle] > v {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}

// weigh makes shares of weights, which stand in their place.
func weigh(runs []pastRun) {
	sum := 0.0
	for i := range runs {
		sum += runs[i].share
		runs[i].share = sum
	}
	for i := range runs {
		runs[i].share /= sum
	}
}
