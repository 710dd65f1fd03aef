package estimate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// usualOf is how much batches are found to drift, on average over many pasts of twenty nights
// of so many jobs, each of a tag of its own, whose run times differ by chance and by a factor
// that all of a night have in common: the deviations of their logarithms.
func usualOf(jobs int, chance, drift float64) float64 {
	const pasts = 40
	sum := 0.0
	for seed := range uint64(pasts) {
		dice := rand.New(rand.NewPCG(seed, 1))
		q := &Queue{Past: map[string][]Run{}}
		for back := range 20 {
			night := drift * dice.NormFloat64()
			for i := range jobs {
				tag := fmt.Sprint("tag ", i)
				q.Past[tag] = append(q.Past[tag], Run{
					Tag: tag, Batch: fmt.Sprint("before ", back), Seconds: math.Exp(night + chance*dice.NormFloat64()),
					Ended: noon.AddDate(0, 0, -1-back).Add(time.Duration(i) * time.Second),
				})
			}
		}
		sum += newBase(q).usual().deviation / pasts
	}
	return sum
}

// Nights that differ only by the jobs they are seen by have little drift, and those that
// drift keep it, however few jobs tell of it.
func TestChanceIsNoDrift(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		jobs          int
		chance, drift float64
		least, most   float64
	}{
		{240, 1, 0, 0, 0.095}, // what is left is what is known of other queues
		{10, 0.3, 0, 0, 0.105},
		{240, 1, 0.2, 0.17, 0.23},
		{10, 0.3, 0.2, 0.16, 0.23},
		{10, 0.5, 0.2, 0.14, 0.23},
	} {
		if got := usualOf(c.jobs, c.chance, c.drift); got < c.least || got > c.most {
			t.Errorf("%d jobs a night, chance %.1f, drift %.1f: found %.3f, want %.3f to %.3f", c.jobs, c.chance, c.drift, got, c.least, c.most)
		}
	}
}
