package bench

import (
	"fmt"
	"strings"
)

// goal is a figure that a comparison should reach.
type goal struct {
	text  string
	value func(Result) float64 // 0: it was not measured
	met   func(value float64) bool
}

// Goal is a goal and whether it was met. None decides the exit code: a slow
// machine is no error.
type Goal struct {
	Text  string  `json:"goal"`
	Value float64 `json:"value"`
	Met   bool    `json:"met"`
}

func atLeast(limit float64) func(float64) bool { return func(v float64) bool { return v >= limit } }
func atMost(limit float64) func(float64) bool  { return func(v float64) bool { return v <= limit } }

// ratioGoal: jobs per second, in relation to a baseline.
func ratioGoal(than string, limit float64) goal {
	return goal{fmt.Sprintf("≥ %g × %s", limit, than), ratioTo(than), atLeast(limit)}
}

// timeGoal: the same, as a limit of the time it takes.
func timeGoal(than string, limit float64) goal {
	return goal{fmt.Sprintf("≤ %g × the time of %s (ratio ≥ %.2f)", limit, than, 1/limit), ratioTo(than), atLeast(1 / limit)}
}

func ratioTo(than string) func(Result) float64 {
	return func(r Result) float64 { return r.Versus[than].Ratio.median() }
}

// cpuPerJobGoal: CPU of server and client, µs a job.
func cpuPerJobGoal(limit float64) goal {
	return goal{fmt.Sprintf("≤ %g µs of CPU a job", limit), func(r Result) float64 { return r.Ours.CPU.median() }, atMost(limit)}
}

// walGoal: bytes of WAL a job.
func walGoal(limit float64) goal {
	return goal{fmt.Sprintf("≤ %g B of WAL a job", limit), func(r Result) float64 { return r.Ours.WALBytesPerJob }, atMost(limit)}
}

// flatGoal: the slowest slice in relation to the fastest.
func flatGoal(limit float64) goal {
	value := func(r Result) float64 { return r.Ours.SlowestToFastest.median() }
	return goal{fmt.Sprintf("slowest slice ≥ %g × fastest", limit), value, atLeast(limit)}
}

// evenGoal: the last quarter in relation to the first.
func evenGoal(limit float64) goal {
	return goal{fmt.Sprintf("last quarter ≥ %g × first", limit), func(r Result) float64 { return r.Ours.LastToFirst.median() }, atLeast(limit)}
}

// waitGoal: the median or the 99th percentile q of the waits of a baseline, or
// of ours if it has no name, in ms.
func waitGoal(baseline string, q, limit float64) goal {
	value := func(r Result) float64 {
		figures := r.Ours
		if baseline != "" {
			figures = r.Versus[baseline]
		}
		switch {
		case figures.Waits == nil:
			return 0
		case q == 0.5:
			return figures.Waits.P50
		default:
			return figures.Waits.P99
		}
	}
	return goal{strings.TrimPrefix(baseline+": ", ": ") + fmt.Sprintf("p%g ≤ %g ms", q*100, limit), value, atMost(limit)}
}

// waitRatioGoal: the median of ours, in relation to a baseline's.
func waitRatioGoal(than string, limit float64) goal {
	return goal{fmt.Sprintf("p50 ≤ %g × %s", limit, than), func(r Result) float64 { return r.Versus[than].WaitRatio.median() }, atMost(limit)}
}

// bytesGoal: memory of a job in flight.
func bytesGoal(limit float64) goal {
	return goal{fmt.Sprintf("≤ %g B a job above the idle process", limit), func(r Result) float64 { return r.Ours.BytesPerJob }, atMost(limit)}
}

// cpuGoal: share of a core of an idle executor.
func cpuGoal(limit float64) goal {
	return goal{fmt.Sprintf("< %g %% of a core", limit*100), func(r Result) float64 { return r.Ours.CPUShare }, func(v float64) bool { return v < limit }}
}

// queriesGoal: queries per second of an idle executor.
func queriesGoal(limit float64) goal {
	return goal{fmt.Sprintf("< %g queries/s", limit), func(r Result) float64 { return r.Ours.QueriesPerSecond }, func(v float64) bool { return v < limit }}
}

// judge returns the goals of what was measured.
func judge(goals []goal, r Result) (judged []Goal) {
	for _, g := range goals {
		if v := g.value(r); v != 0 {
			judged = append(judged, Goal{g.text, v, g.met(v)})
		}
	}
	return judged
}
