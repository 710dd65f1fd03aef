package replay

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/tagexec/tagexec/store/estimate"
)

// Trace is what a queue did: jobs with all their attempts, from first to last.
type Trace struct {
	Name      string
	Jobs      []Job
	Pools     []estimate.Pool
	Executors []Executor
	Only      string // beginning of the keys of the batches that are estimated; "" for all

	// Possible draws how long a job might have taken in its night; nil where nobody knows.
	Possible func(j *Job, n int) []float64
}

// Job is a job as it was inserted, with what became of it.
type Job struct {
	estimate.Job
	Created  time.Time
	Attempts []Attempt // in their order
}

// Attempt is one run of a job.
type Attempt struct {
	Executor       string
	Due            time.Time
	Started, Ended time.Time
	Failed         bool      // it counted as a failure; else it succeeded, or was handed back
	Final          bool      // the job failed with it though it had attempts left
	Counts         bool      // it tells how long the job takes: not if it was handed back or cancelled
	RetryAt        time.Time // when the job may run again; zero after the last one
}

// Executor is an executor and when it lived.
type Executor struct {
	estimate.Executor
	From, Until time.Time
}

// batch is a past batch of a trace.
type batch struct {
	key        string
	jobs       []*Job
	start, end time.Time   // first start, last end
	ends       []time.Time // of its jobs, in their order
}

// batches are those whose jobs have all ended, at least so many, in the order in
// which they began.
func (t *Trace) batches(least int) (list []*batch) {
	byKey := map[string]*batch{}
	for i := range t.Jobs {
		j := &t.Jobs[i]
		b := byKey[j.Batch]
		if b == nil {
			b = &batch{key: j.Batch}
			byKey[j.Batch] = b
			list = append(list, b)
		}
		b.jobs = append(b.jobs, j)
	}
	list = slices.DeleteFunc(list, func(b *batch) bool {
		return b.key == "" || !strings.HasPrefix(b.key, t.Only) || len(b.jobs) < least || !b.measure()
	})
	slices.SortStableFunc(list, func(a, b *batch) int { return a.start.Compare(b.start) })
	return list
}

// measure finds out when the batch was what. It reports whether all its jobs were
// there when it began: what came later nobody could know.
func (b *batch) measure() bool {
	var created time.Time
	for _, j := range b.jobs {
		if len(j.Attempts) == 0 {
			return false
		}
		if first := j.Attempts[0].Started; b.start.IsZero() || first.Before(b.start) {
			b.start = first
		}
		if j.Created.After(created) {
			created = j.Created
		}
		b.ends = append(b.ends, j.end())
	}
	slices.SortFunc(b.ends, time.Time.Compare)
	b.end = b.ends[len(b.ends)-1]
	return !created.After(b.start)
}

// end is when the job was done with.
func (j *Job) end() time.Time { return j.Attempts[len(j.Attempts)-1].Ended }

// history finds the runs of a tag, or of a batch, that ended before a time.
type history struct {
	byTag map[string][]estimate.Run
	batch map[string][]estimate.Run
}

func newHistory(t *Trace) *history {
	h := &history{map[string][]estimate.Run{}, map[string][]estimate.Run{}}
	var all []estimate.Run
	for i := range t.Jobs {
		j := &t.Jobs[i]
		for _, a := range j.Attempts {
			if a.Counts {
				all = append(all, estimate.Run{
					JobID: j.ID, Tag: j.Tag, Batch: j.Batch, Like: j.Like, Seconds: a.Ended.Sub(a.Started).Seconds(), Waited: a.Started.Sub(a.Due).Seconds(), Ended: a.Ended,
					Failed: a.Failed, Final: a.Final,
				})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b estimate.Run) int { return a.Ended.Compare(b.Ended) })
	for _, r := range all {
		h.byTag[r.Tag] = append(h.byTag[r.Tag], r)
		h.batch[r.Batch] = append(h.batch[r.Batch], r)
	}
	return h
}

// before returns the newest of runs that had ended at a time, at most so many of
// those that are not of a batch.
func before(runs []estimate.Run, at time.Time, not string, most int) (list []estimate.Run) {
	end, _ := slices.BinarySearchFunc(runs, at, func(r estimate.Run, at time.Time) int {
		return cmp.Or(r.Ended.Compare(at), -1) // what ended just then is known
	})
	for _, r := range slices.Backward(runs[:end]) {
		if len(list) == most {
			break
		}
		if not == "" || r.Batch != not {
			list = append(list, r)
		}
	}
	return list
}

// at returns the queue as it was: what a batch and its competitors had ahead of
// them, and what was known of the past.
func (t *Trace) at(h *history, b *batch, now time.Time) *estimate.Queue {
	q := &estimate.Queue{
		Batch: b.key, Now: now, Pools: t.Pools,
		Past:  map[string][]estimate.Run{},
		Ended: before(h.batch[b.key], now, "", len(h.batch[b.key])),
	}
	jobs := map[string]int{}
	for _, j := range b.jobs {
		jobs[j.Tag]++
	}
	know := func(j *Job) {
		if _, known := q.Past[j.Tag]; !known {
			q.Past[j.Tag] = before(h.byTag[j.Tag], now, b.key, estimate.RunsOf(jobs[j.Tag]))
		}
	}
	for i := range t.Jobs {
		j := &t.Jobs[i]
		if j.Batch == b.key {
			know(j)
		}
		if state, unfinished := j.at(now); unfinished {
			know(j)
			q.Jobs = append(q.Jobs, state)
		}
	}
	for _, e := range t.Executors {
		if !e.From.After(now) && e.Until.After(now) {
			q.Executors = append(q.Executors, e.Executor)
		}
	}
	return q
}

// at returns the job as it was, and whether it was there and had not ended.
func (j *Job) at(now time.Time) (state estimate.Job, unfinished bool) {
	if j.Created.After(now) || len(j.Attempts) > 0 && !j.end().After(now) && j.Attempts[len(j.Attempts)-1].RetryAt.IsZero() {
		return state, false
	}
	state = j.Job
	for _, a := range j.Attempts {
		switch {
		case a.Started.After(now):
			return state, true
		case a.Ended.After(now):
			state.StartedAt, state.Executor = a.Started, a.Executor
			return state, true
		}
		if a.Failed {
			state.Failures++
		}
		state.RunAt = a.RetryAt
	}
	return state, true
}
