package estimate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Done is the Refusal of a batch of which nothing waits or runs.
const Done = "it has no unfinished job"

// mostNew is the share of the work without history above which nothing is said.
const mostNew = 0.2

// refusal says why nothing can be said about the end of the batch; "" if something can.
func refusal(q *Queue, p *plan, newShare float64) string {
	byPool := map[string]*Pool{}
	for i := range q.Pools {
		byPool[q.Pools[i].Name] = &q.Pools[i]
	}
	cannot := map[string]int{}
	for i := range q.Jobs {
		if j := &q.Jobs[i]; j.Batch == q.Batch && !j.running() {
			if why := stuck(q, byPool[j.Pool], j); why != "" {
				cannot[why]++
			}
		}
	}
	if len(cannot) > 0 {
		why := slices.MaxFunc(slices.Sorted(maps.Keys(cannot)), func(a, b string) int { return cmp.Compare(cannot[a], cannot[b]) })
		return fmt.Sprintf("%s: %d of its jobs cannot run", why, cannot[why])
	}
	if p.own == 0 && q.OwnBeyond == 0 {
		return Done
	}
	if newShare > mostNew {
		return fmt.Sprintf("%.0f %% of the work is of tags that never succeeded before", 100*newShare)
	}
	return ""
}

// stuck says why a pending job will not run as things are.
func stuck(q *Queue, pool *Pool, j *Job) string {
	switch {
	case pool == nil:
		return fmt.Sprintf("there is no pool %s", j.Pool)
	case pool.Paused:
		return fmt.Sprintf("pool %s is paused", pool.Name)
	case pool.Slots > 0 && j.Slots > pool.Slots:
		return fmt.Sprintf("pool %s has %d slots", pool.Name, pool.Slots)
	}
	lack := ""
	for i := range q.Executors {
		e := &q.Executors[i]
		if !e.takes(j.Like, j.Batch) {
			continue
		}
		if lack = e.Lacks[j.Kind]; lack == "" {
			return ""
		}
	}
	if lack != "" {
		return fmt.Sprintf("%s is unavailable to every executor that takes kind %s", lack, j.Kind)
	}
	return fmt.Sprintf("no live executor takes kind %s of pool %s", j.Kind, j.Pool)
}

// unknown returns how many tags of the batch's unfinished jobs never succeeded, and
// what share of the work they are.
func (p *plan) unknown(q *Queue) (tags int, share float64) {
	var known, unknown float64
	seen := map[string]bool{}
	for i := range q.Jobs {
		j := &q.Jobs[i]
		if j.Batch != q.Batch {
			continue
		}
		one := p.past.of(j.series, j.Like)
		if one.own > 0 {
			known += one.mean(0)
			continue
		}
		unknown += max(one.mean(0), shortest)
		seen[j.Tag] = true
	}
	return len(seen), unknown / max(known+unknown, shortest)
}
