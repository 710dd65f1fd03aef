package estimate

import "math"

// leastSpread of the jobs of a night is believed: the standard deviation of the
// logarithm. What is known of other nights weighs as much as usualJobs.
const leastSpread, usualJobs = 0.1, 5

// drift is a factor that all run times of a night have in common, as far as is
// known: the normal distribution of its logarithm. Draws that are independent of
// each other cancel out in a sum, and their interval would lie.
type drift struct{ mean, deviation float64 }

// at returns the logarithm of the factor at a quantile.
func (d drift) at(u float64) float64 { return d.mean + d.deviation*normal(u) }

// tonight compares the batch's jobs with what was expected of them. The fewer have
// ended, the more counts what batches usually do.
func (b *base) tonight(q *Queue) drift {
	usual, ratios := b.usual(), b.compared(q)
	if len(ratios) < driftJobs {
		return usual
	}
	middle, spread := middleOf(ratios)
	n, expected := float64(len(ratios)), max(b.spread, leastSpread)
	spread = math.Sqrt((n*spread*spread + usualJobs*expected*expected) / (n + usualJobs)) // a few may be alike by chance
	before, doubt := usual.deviation*usual.deviation, medianVariance(spread, n)
	return drift{
		mean:      (middle*before + usual.mean*doubt) / (before + doubt),
		deviation: math.Hypot(math.Sqrt(before*doubt/(before+doubt)), b.wander()),
	}
}

// compared are the logarithms of actual to expected run times of the batch. What has
// run for longer than was expected counts with what it has: left out, only short
// runs would be seen while long ones run.
func (b *base) compared(q *Queue) (list []float64) {
	compare := func(series string, seconds float64, ended bool) {
		if center, known := b.centers[series]; known && (ended || math.Log(seconds) > center) {
			list = append(list, math.Log(seconds)-center)
		}
	}
	for i := range q.Ended {
		if r := &q.Ended[i]; !r.Failed {
			compare(r.series, max(r.Seconds, shortest), true)
		}
	}
	for i := range q.Jobs {
		if j := &q.Jobs[i]; j.running() && j.Batch == q.Batch {
			compare(j.series, q.Now.Sub(j.StartedAt).Seconds(), false)
		}
	}
	return list
}

// shuffled are the logarithms of so many draws: the quantiles, in an order that has
// nothing to do with them.
func (d drift) shuffled(draws int, seed uint64) []float64 {
	list := make([]float64, draws)
	for i := range list {
		list[i] = d.at((float64(i) + 0.5) / float64(draws))
	}
	dice := diceOf(seed, draws, 0, 0)
	for i := range list {
		j := i + int(dice.next()*float64(draws-i))
		list[i], list[j] = list[j], list[i]
	}
	return list
}
