package replay

import (
	"fmt"
	"math"
	"slices"

	"github.com/tagexec/tagexec/store/estimate"
)

// Points are the shares of a batch's jobs after whose end it is estimated.
var Points = []float64{0, 0.25, 0.5, 0.75}

// Score is how good the estimates of some traces of one kind were.
type Score struct {
	Trace   string       `json:"trace"`
	Batches int          `json:"batches"`
	Points  []PointScore `json:"points"`
}

// PointScore is how good the estimates at one point were. What cannot be told is -1.
type PointScore struct {
	Point   float64 `json:"point"`
	Asked   int     `json:"asked"`
	Refused int     `json:"refused"`
	Inside  float64 `json:"inside"` // share of the ends between P10 and P90
	Error   float64 `json:"error"`  // median of |estimated - actual| / actual time left
	Naive   float64 `json:"naive"`  // the same of elapsed / done * left
	Least   float64 `json:"least"`  // the same of an estimate that was told how the run times are distributed: what chance leaves
	Known   float64 `json:"known"`  // the same of one that was told the run times: the error of the plan
	Better  float64 `json:"better"` // by what share Error is less than Naive
}

// Replay estimates each batch of at least so many jobs at each point, with what was
// known then.
func Replay(least int, traces ...*Trace) Score {
	s, tallies := Score{Trace: traces[0].Name}, make([]tally, len(Points))
	for _, t := range traces {
		h := newHistory(t)
		for _, b := range t.batches(least) {
			s.Batches++
			for i, point := range Points {
				tallies[i].add(t, h, b, point)
			}
		}
	}
	for i := range tallies {
		s.Points = append(s.Points, tallies[i].score(Points[i]))
	}
	return s
}

// tally collects the estimates at one point.
type tally struct {
	refused, inside             int
	errors, naive, least, known []float64
}

func (y *tally) add(t *Trace, h *history, b *batch, point float64) {
	now := b.start
	if done := int(point * float64(len(b.jobs))); done > 0 {
		now = b.ends[done-1]
	}
	left := b.end.Sub(now).Seconds()
	if left <= 0 {
		return
	}
	q := t.at(h, b, now)
	e := estimate.Of(q)
	if e.Refusal != "" {
		y.refused++
		return
	}
	if !b.end.Before(e.P10) && !b.end.After(e.P90) {
		y.inside++
	}
	off := func(seconds float64) float64 { return math.Abs(seconds-left) / left }
	y.errors = append(y.errors, off(e.P50.Sub(now).Seconds()))
	if point > 0 {
		y.naive = append(y.naive, off(now.Sub(b.start).Seconds()/point*(1-point)))
	}
	known := estimate.Of(t.told(q, func(j *Job) []float64 {
		last := j.Attempts[len(j.Attempts)-1]
		return slices.Repeat([]float64{last.Ended.Sub(last.Started).Seconds()}, estimate.RunsOf(1))
	}))
	y.known = append(y.known, off(known.P50.Sub(now).Seconds()))
	if t.Possible != nil {
		told := estimate.Of(t.told(q, func(j *Job) []float64 { return t.Possible(j, estimate.RunsOf(1)) }))
		y.least = append(y.least, off(told.P50.Sub(now).Seconds()))
	}
}

func (y *tally) score(point float64) PointScore {
	n := len(y.errors)
	p := PointScore{Point: point, Asked: n + y.refused, Refused: y.refused, Inside: -1, Better: -1, Error: median(y.errors), Naive: median(y.naive), Least: median(y.least), Known: median(y.known)}
	if n > 0 {
		p.Inside = float64(y.inside) / float64(n)
	}
	if p.Naive > 0 {
		p.Better = 1 - p.Error/p.Naive
	}
	return p
}

// told returns the queue with another past: one in which each job that is to run took
// as long as runs says, a night each. Each has a tag of its own.
func (t *Trace) told(q *estimate.Queue, runs func(*Job) []float64) *estimate.Queue {
	told := *q
	told.Past, told.Jobs = map[string][]estimate.Run{}, slices.Clone(q.Jobs)
	unfinished := map[int64]*estimate.Job{}
	for i := range told.Jobs {
		unfinished[told.Jobs[i].ID] = &told.Jobs[i]
	}
	for i := range t.Jobs {
		j := unfinished[t.Jobs[i].ID]
		if j == nil {
			continue
		}
		j.Tag = fmt.Sprint("told ", j.ID)
		for night, seconds := range runs(&t.Jobs[i]) {
			told.Past[j.Tag] = append(told.Past[j.Tag], estimate.Run{
				Tag: j.Tag, Batch: fmt.Sprint("told ", night), Like: j.Like, Seconds: seconds, Ended: q.Now.AddDate(0, 0, -1-night),
			})
		}
	}
	return &told
}

// median of values, -1 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return -1
	}
	slices.Sort(values)
	return values[len(values)/2]
}
