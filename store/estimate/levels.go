package estimate

// levels is for how many seconds a batch had how many attempts at the same time.
type levels []float64

// add counts that it had n attempts for so long.
func (l *levels) add(n int, seconds float64) {
	for len(*l) <= n {
		*l = append(*l, 0)
	}
	(*l)[n] += seconds
}

// aboveUsual is for what share of the time that a batch ran there may be more than usual.
const aboveUsual = 0.1

// usual is how many there were, but for a small share of the time in which there were more:
// an executor claims short jobs ahead, and they count as running.
func (l levels) usual() int {
	all, above := 0.0, 0.0
	for n := 1; n < len(l); n++ {
		all += l[n]
	}
	for n := len(l) - 1; n > 0; n-- {
		if above += l[n]; above > aboveUsual*all {
			return n
		}
	}
	return 0
}
