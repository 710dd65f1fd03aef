package estimate

import (
	"cmp"
	"math"
	"slices"
)

const (
	// usualWander is by how much the later runs of a batch drift from its earlier ones
	// where too few batches are known: the standard deviation of the logarithm. It
	// weighs as much as usualBatches.
	usualWander = 0.08
	// wanderJobs of a batch tell how it wanders.
	wanderJobs = 20
)

// wander is by how much the runs that are still to come may drift from those that
// have ended, as in the batches before: a server may become busy at any time.
func (b *base) wander() float64 {
	sum, n := usualBatches*usualWander*usualWander, float64(usualBatches)
	for _, e := range b.latest() {
		if squared, known := e.wander(); known {
			sum += squared
			n++
		}
	}
	return math.Sqrt(sum / n)
}

// wander is the square of what lies between the later and the earlier half of a
// batch, less what may be chance.
func (e *effect) wander() (squared float64, known bool) {
	n := len(e.ratios)
	if n < wanderJobs {
		return 0, false
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(e.ended[a], e.ended[b]), cmp.Compare(e.ratios[a], e.ratios[b]))
	})
	var middles [2]float64
	chance := 0.0
	for half := range middles {
		var ratios []float64
		for _, i := range order[half*n/2 : (half+1)*n/2] {
			ratios = append(ratios, e.ratios[i])
		}
		middle, spread := middleOf(ratios)
		middles[half] = middle
		chance += medianVariance(spread, float64(len(ratios)))
	}
	off := middles[1] - middles[0]
	return max(0, off*off-chance), true
}
