package estimate

import (
	"hash/fnv"
	"math"
)

// dice is splitmix64. What one job is given does not depend on the order in which
// jobs are looked at: so two plans that differ in the slots of a pool differ in
// nothing else, and an estimate does not jitter.
type dice struct{ state uint64 }

// diceOf returns the dice of an attempt of a job in a draw.
func diceOf(seed uint64, draw int, job int64, attempt int) dice {
	d := dice{seed ^ uint64(draw)*0x9e3779b97f4a7c15}
	d.state = d.bits() ^ uint64(job)*0xbf58476d1ce4e5b9
	d.state = d.bits() ^ uint64(attempt)*0x94d049bb133111eb
	return d
}

func (d *dice) bits() uint64 {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// next is evenly distributed over [0, 1).
func (d *dice) next() float64 { return float64(d.bits()>>11) / (1 << 53) }

// normal is normally distributed, in steps: a quantile costs more than all else of a
// draw.
func (d *dice) normal() float64 { return normals[d.bits()>>52] }

var normals = func() (list [1 << 12]float64) {
	for i := range list {
		list[i] = normal((float64(i) + 0.5) / float64(len(list)))
	}
	return list
}()

// seedOf is the same for every estimate of a batch.
func seedOf(batch string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(batch))
	return h.Sum64()
}

// normal is the quantile of the standard normal distribution.
func normal(u float64) float64 { return math.Sqrt2 * math.Erfinv(2*u-1) }
