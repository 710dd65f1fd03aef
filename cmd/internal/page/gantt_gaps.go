package page

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/gantt"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

// ganttGap is a stretch in which a slot ran nothing of the batch.
type ganttGap struct {
	box
	Title string

	slot     string
	from, to time.Time
}

const (
	// gapLeast is how wide a gap must be to be told.
	gapLeast = 10.0
	// gapsMost is how many are told, the widest.
	gapsMost = 100
	// idleMost is how many of these stand in words below the drawing.
	idleMost = 3
)

// Idle are the widest gaps.
func (d ganttDrawing) Idle() []ganttGap { return d.Gaps[:min(len(d.Gaps), idleMost)] }

// gaps marks where the slots ran nothing of the batch while others of it went on.
func (d *ganttDrawing) gaps(f *frame, slots []*gantt.Slot, span report.Span, why whyIdle) {
	p := &ganttPen{frame: f, span: span}
	over := span.From // nothing of the batch ran after this
	for _, s := range slots {
		for _, run := range s.Runs {
			if end := gantt.End(run, f.now); end.After(over) {
				over = end
			}
		}
	}
	number, host := 0, ""
	for i, s := range slots[:min(len(slots), rowsMost)] {
		if number++; s.First {
			number, host = 1, s.Label()
		}
		free := span.From
		for j := 0; j <= len(s.Runs); j++ {
			next := over
			if j < len(s.Runs) {
				next = s.Runs[j].StartedAt
			}
			if x, to := p.clip(free), p.clip(next); to-x >= gapLeast {
				d.Gaps = append(d.Gaps, ganttGap{box: box{x, d.Rows[i].Y, to - x, barHeight}, slot: fmt.Sprintf("slot %d of %s", number, host), from: free, to: next})
			}
			if j < len(s.Runs) {
				free = gantt.End(s.Runs[j], f.now)
			}
		}
	}
	slices.SortStableFunc(d.Gaps, func(a, b ganttGap) int { return cmp.Compare(b.Width, a.Width) })
	d.Gaps = d.Gaps[:min(len(d.Gaps), gapsMost)]
	for i := range d.Gaps {
		g := &d.Gaps[i]
		g.Title = fmt.Sprintf("%s, idle for this batch for %s from %s%s", g.slot, listing.Seconds(g.to.Sub(g.from).Seconds()), f.Precise(g.from), why.in(g.from, g.to, f))
	}
}

// whyIdle is what is known of why slots were idle.
type whyIdle struct {
	runs    []report.Run // by their start
	queued  []time.Time  // when they could start, in order
	all     bool         // no other job of the batch waits or waited
	changes []report.PauseChange
}

// queuedTimes are when runs could start, in order.
func queuedTimes(runs []report.Run) []time.Time {
	list := make([]time.Time, len(runs))
	for i := range runs {
		list[i] = runs[i].QueuedAt
		if runs[i].StartedAt.Before(list[i]) { // a clock was set back
			list[i] = runs[i].StartedAt
		}
	}
	slices.SortFunc(list, time.Time.Compare)
	return list
}

// waited is how many runs could start before a moment and did not do so before it, and the
// pool of the first of them.
func (w whyIdle) waited(moment time.Time) (waited int, pool string) {
	queued, _ := slices.BinarySearchFunc(w.queued, moment, time.Time.Compare)
	started, _ := slices.BinarySearchFunc(w.runs, moment, func(r report.Run, t time.Time) int { return r.StartedAt.Compare(t) })
	for i := started; i < len(w.runs) && queued > started; i++ {
		if w.runs[i].QueuedAt.Before(moment) {
			return queued - started, w.runs[i].Pool
		}
	}
	return 0, ""
}

// in says why nothing ran in a gap, as far as that is known: by what waited in its middle.
func (w whyIdle) in(from, to time.Time, f *frame) string {
	middle := from.Add(to.Sub(from) / 2)
	waited, pool := w.waited(middle)
	switch {
	case waited == 0 && w.all:
		return ": no job of the batch was due"
	case waited == 0:
		return ""
	}
	if change := w.paused(pool, middle); change != nil {
		text := fmt.Sprintf(": pool %s was paused at %s by %s", pool, f.Precise(change.At), change.By)
		if change.Reason != nil {
			text += fmt.Sprintf(" (%s)", *change.Reason)
		}
		return text
	}
	if waited == 1 {
		return ": 1 job of the batch was due, and its pool, its mutex key or this executor was taken"
	}
	return fmt.Sprintf(": %s of the batch were due, and their pools, their mutex keys or this executor were taken", listing.Plural(waited, "job"))
}

// paused is who had paused a pool at a time; nil if nobody had.
func (w whyIdle) paused(pool string, at time.Time) (last *report.PauseChange) {
	for i, c := range w.changes {
		if c.Pool == pool && !c.At.After(at) {
			if last = nil; c.Paused {
				last = &w.changes[i]
			}
		}
	}
	return last
}
