package estimate

import (
	"cmp"
	"slices"
	"time"
)

const (
	// gapRuns of a batch tell how long its gaps are.
	gapRuns = 10
	// gapBatches before this one tell it, while this one has not as many runs.
	gapBatches = 5
)

// gapOf is how many seconds lie between the end of an attempt and the start of the
// one that waited for its worker, its slots or its key: a claim, and on a busy
// server more than that. It is hardly anything beside jobs that take minutes, and
// as much as the job itself beside those that take milliseconds.
func gapOf(q *Queue) float64 {
	if gap, known := gapIn(q.Ended); known {
		return gap
	}
	var (
		runs  = map[string][]Run{}
		last  = map[string]time.Time{}
		gaps  []float64
		names []string
	)
	for _, list := range q.Past {
		for i := range list {
			r := &list[i]
			runs[r.Batch] = append(runs[r.Batch], *r)
			if r.Ended.After(last[r.Batch]) {
				last[r.Batch] = r.Ended
			}
		}
	}
	for name := range runs {
		if name != "" {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(last[b].Compare(last[a]), cmp.Compare(a, b)) })
	for _, name := range names {
		if gap, known := gapIn(runs[name]); known && len(gaps) < gapBatches {
			gaps = append(gaps, gap)
		}
	}
	if len(gaps) == 0 {
		return 0
	}
	slices.Sort(gaps)
	return quantile(gaps, 0.5)
}

// gapIn is the median gap of a batch: from the last end to a start, of jobs that had
// been due by then.
func gapIn(runs []Run) (gap float64, known bool) {
	ends := make([]time.Time, len(runs))
	for i := range runs {
		ends[i] = runs[i].Ended
	}
	slices.SortFunc(ends, time.Time.Compare)
	var gaps []float64
	for i := range runs {
		start := runs[i].Ended.Add(-time.Duration(runs[i].Seconds * float64(time.Second)))
		n, _ := slices.BinarySearchFunc(ends, start, func(end, start time.Time) int { return cmp.Or(end.Compare(start), -1) }) // that end no later
		if n == 0 {
			continue
		}
		if seconds := start.Sub(ends[n-1]).Seconds(); seconds <= runs[i].Waited {
			gaps = append(gaps, seconds)
		}
	}
	if len(gaps) < gapRuns {
		return 0, false
	}
	slices.Sort(gaps)
	return quantile(gaps, 0.5), true
}
