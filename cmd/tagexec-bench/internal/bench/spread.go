package bench

import (
	"math"
	"slices"
	"time"
)

// Spread is the range of a figure over several runs.
type Spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

// spread returns nil if nothing was measured.
func spread(values []float64) *Spread {
	if len(values) == 0 || slices.Max(values) == 0 {
		return nil
	}
	return &Spread{slices.Min(values), median(values), slices.Max(values)}
}

// median is 0 if nothing was measured.
func (s *Spread) median() float64 {
	if s == nil {
		return 0
	}
	return s.Median
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// ratios divides pair by pair: runs of the same turn saw the same machine.
func ratios(ours, theirs []float64) (list []float64) {
	for i := range min(len(ours), len(theirs)) {
		if theirs[i] > 0 {
			list = append(list, ours[i]/theirs[i])
		}
	}
	return list
}

// quantile returns the smallest value that a share q of all does not exceed.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// stored is how many results were stored by a time.
type stored struct {
	at    time.Time
	count int
}

// timeline is how results were stored, from the start of the clock on; both time
// and count only grow.
type timeline []stored

// reached returns when count results were stored, taking those of one record as
// spread over the time since the record before.
func (c timeline) reached(count int) time.Time {
	i, _ := slices.BinarySearchFunc(c, count, func(s stored, count int) int { return s.count - count })
	if i == 0 {
		return c[0].at
	}
	i = min(i, len(c)-1)
	from, to := c[i-1], c[i]
	share := float64(count-from.count) / float64(to.count-from.count)
	return from.at.Add(time.Duration(share * float64(to.at.Sub(from.at))))
}

// rates returns the jobs per second of each slice of size jobs, and of what is
// left at the end.
func (c timeline) rates(size, total int) (rates []float64) {
	for from := 0; from < total; from += size {
		to := min(from+size, total)
		if took := c.reached(to).Sub(c.reached(from)); took > 0 {
			rates = append(rates, float64(to-from)/took.Seconds())
		}
	}
	return rates
}
