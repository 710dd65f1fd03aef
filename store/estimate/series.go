package estimate

import (
	"fmt"
	"maps"
	"slices"
)

// A batch may hold many jobs of one tag, as a backfill does: one for each day, or for each
// region. How long they take differs from one to the next, and is alike from batch to
// batch. So each is compared with its series: the jobs that had its place among those of
// its tag, in earlier batches that had as many.

// inSeries returns the queue with the series of all jobs and runs. What has none is in
// the series of its tag.
func (q *Queue) inSeries() *Queue {
	named := *q
	named.Jobs, named.Ended = slices.Clone(q.Jobs), slices.Clone(q.Ended)
	named.Past = make(map[string][]Run, len(q.Past))
	places := q.places()
	for tag, runs := range q.Past {
		own := places[tag]
		earlier := placesIn(runs)
		known := len(own) > 1 && slices.ContainsFunc(slices.Collect(maps.Values(earlier)), func(p map[int64]int) bool { return len(p) == len(own) })
		if !known {
			delete(places, tag)
		}
		for _, r := range runs {
			r.series = tag
			if known {
				if len(earlier[r.Batch]) != len(own) {
					continue
				}
				r.series = seriesOf(tag, earlier[r.Batch][r.JobID])
			}
			named.Past[r.series] = append(named.Past[r.series], r)
		}
	}
	series := func(tag string, job int64) string {
		if place, known := places[tag][job]; known && q.Past[tag] != nil {
			return seriesOf(tag, place)
		}
		return tag
	}
	for i := range named.Ended {
		named.Ended[i].series = series(named.Ended[i].Tag, named.Ended[i].JobID)
	}
	for i := range named.Jobs {
		j := &named.Jobs[i]
		if j.series = j.Tag; j.Batch == q.Batch {
			j.series = series(j.Tag, j.ID)
		}
	}
	return &named
}

func seriesOf(tag string, place int) string { return fmt.Sprintf("%s\x00%d", tag, place) }

// places are, by tag, those of the batch's jobs among those of their tag; of none where
// not all of its jobs are known.
func (q *Queue) places() map[string]map[int64]int {
	ids := map[string][]int64{}
	if q.OwnBeyond > 0 || q.EndedBeyond {
		return nil
	}
	for i := range q.Ended {
		ids[q.Ended[i].Tag] = append(ids[q.Ended[i].Tag], q.Ended[i].JobID)
	}
	for i := range q.Jobs {
		if q.Jobs[i].Batch == q.Batch {
			ids[q.Jobs[i].Tag] = append(ids[q.Jobs[i].Tag], q.Jobs[i].ID)
		}
	}
	places := make(map[string]map[int64]int, len(ids))
	for tag, list := range ids {
		places[tag] = inOrder(list)
	}
	return places
}

// placesIn are those of the jobs of a tag in each batch.
func placesIn(runs []Run) map[string]map[int64]int {
	ids := map[string][]int64{}
	for i := range runs {
		if runs[i].Batch != "" {
			ids[runs[i].Batch] = append(ids[runs[i].Batch], runs[i].JobID)
		}
	}
	places := make(map[string]map[int64]int, len(ids))
	for batch, list := range ids {
		places[batch] = inOrder(list)
	}
	return places
}

// inOrder numbers jobs by their ids, which are given when they are submitted.
func inOrder(ids []int64) map[int64]int {
	slices.Sort(ids)
	places := map[int64]int{}
	for _, id := range slices.Compact(ids) {
		places[id] = len(places)
	}
	return places
}
