package page

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/gantt"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

const (
	// runsMost is how many attempts a gantt is made of.
	runsMost = 10_000
	// ganttLife is for how long it is shown.
	ganttLife = 5 * time.Second
	// longestMost is how many of the longest attempts stand below it.
	longestMost = 20
)

// ganttData is what gantt.html shows.
type ganttData struct {
	Sentence string
	Batch    string
	Runs     report.Runs
	Drawing  ganttDrawing
	Longest  []ganttRun
	Rest     string // link to attempts that started after those that are drawn; "" if all are
	Zoomed   bool
	Zooms    []link
}

// ganttRun is an attempt in the table below the drawing.
type ganttRun struct {
	report.Run
	Seconds float64
}

// batchGantt answers: where did the time of my batch go?
func batchGantt(v *visit) (*view, error) {
	key := v.r.PathValue("key")
	span, err := spanOf(v.Query.Get("from"), v.Query.Get("to"))
	if err != nil {
		return nil, err
	}
	runs := func(ctx context.Context, r *report.Reader) (report.Runs, error) {
		return r.Runs(ctx, key, span, runsMost)
	}
	b, err := must(v, "batch "+key, fresh, func(ctx context.Context, r *report.Reader) (report.BatchDetail, error) { return theBatch(ctx, r, key) })
	if err != nil {
		return nil, err
	}
	if v.exports() {
		return export(v, "runs", func(ctx context.Context, r *report.Reader, _ string, _ int) (rows[report.Run], error) {
			found, err := runs(ctx, r)
			return rows[report.Run]{List: found.Runs}, err
		})
	}
	found, err := must(v, fmt.Sprintf("runs of %s from %v to %v", key, span.From, span.To), ganttLife, runs)
	if err != nil {
		return nil, err
	}
	d := ganttData{Batch: key, Runs: found, Zoomed: !span.From.IsZero()}
	var end ending
	if !b.Settled() && !d.Zoomed {
		end = later(v, "end of "+key+" for "+v.ZoneName(), forecastLife, func(ctx context.Context, r *report.Reader) (ending, error) { return endOf(ctx, r, v.frame, key) }).Value
	}
	if len(found.Runs) > 0 {
		if !d.Zoomed {
			span = wholeSpan(found.Runs, v.now, b.DueAt, end)
		}
		slots := gantt.Slots(found.Runs, v.now)
		d.Drawing = drawGantt(v.frame, slots, span, b.DueAt, end)
		d.Drawing.gaps(v.frame, slots, span, whyIdle{found.Runs, b.Pending == 0 && !found.Capped && len(found.Runs) == found.Matching, pauseChanges(v, found.Runs)})
		d.Longest = longest(found.Runs, v.now)
		if found.Matching > len(found.Runs) {
			d.Rest = stretch(v.frame, found.Runs[len(found.Runs)-1].StartedAt, found.Until.Add(time.Millisecond))
		}
		d.Zooms = zooms(v.frame, span, d.Zoomed)
		d.Sentence = ganttSentence(v.frame, key, found, slots, span)
	} else {
		d.Sentence = "No job of " + key + " has started yet."
		if d.Zoomed {
			d.Sentence = fmt.Sprintf("No job of %s ran from %s to %s.", key, v.Clock(span.From), v.Clock(span.To))
			d.Zooms = zooms(v.frame, span, true)
		}
	}
	return &view{template: "gantt", Title: "Gantt of " + key, Data: d, settled: true}, nil
}

// pauseChanges returns when the pools of runs were paused and resumed.
func pauseChanges(v *visit, runs []report.Run) []report.PauseChange {
	var pools []string
	for _, run := range runs {
		if !slices.Contains(pools, run.Pool) {
			pools = append(pools, run.Pool)
		}
	}
	return ask(v, "pauses of "+strings.Join(pools, "\n"), ganttLife, func(ctx context.Context, r *report.Reader) ([]report.PauseChange, error) {
		return r.PauseChanges(ctx, pools)
	}).Value
}

// spanOf reads the stretch of time that somebody wants to see, of which both ends are
// named; else it is all.
func spanOf(from, to string) (span report.Span, err error) {
	if from == "" && to == "" {
		return span, nil
	}
	var errFrom, errTo error
	span.From, errFrom = time.Parse(time.RFC3339Nano, from)
	span.To, errTo = time.Parse(time.RFC3339Nano, to)
	if errFrom != nil || errTo != nil || !span.To.After(span.From) || span.From.Year() < 1 || span.To.Year() > 9999 {
		return span, wrong("from=%s to=%s: a stretch of time is two times such as 2026-11-22T03:00:00Z, the earlier one first", from, to)
	}
	return span, nil
}

// stretch is a link to a stretch of time.
func stretch(f *frame, from, to time.Time) string {
	return f.Here("from", from.UTC().Format(time.RFC3339Nano), "to", to.UTC().Format(time.RFC3339Nano))
}

// wholeSpan is from the first start to the last end; of a batch that goes on up to where it
// likely ends, but not so far that what was is not to be seen.
func wholeSpan(runs []report.Run, now time.Time, due *time.Time, end ending) report.Span {
	span := report.Span{From: runs[0].StartedAt}
	for _, run := range runs {
		if at := gantt.End(run, now); at.After(span.To) {
			span.To = at
		}
	}
	far := span.To.Add(2 * span.To.Sub(span.From))
	for _, at := range []time.Time{end.P90, deref(due)} {
		if at.After(span.To) && at.Before(far) {
			span.To = at
		}
	}
	if least := span.From.Add(time.Second); span.To.Before(least) {
		span.To = least
	}
	return span
}

func deref(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// longest are the longest attempts, the longest first.
func longest(runs []report.Run, now time.Time) []ganttRun {
	list := make([]ganttRun, len(runs))
	for i, run := range runs {
		list[i] = ganttRun{run, gantt.End(run, now).Sub(run.StartedAt).Seconds()}
	}
	slices.SortStableFunc(list, func(a, b ganttRun) int {
		switch {
		case a.Seconds > b.Seconds:
			return -1
		case a.Seconds < b.Seconds:
			return 1
		}
		return 0
	})
	return list[:min(len(list), longestMost)]
}

// zooms are links to other stretches of time.
func zooms(f *frame, span report.Span, zoomed bool) (list []link) {
	to := func(from, to time.Time) string { return stretch(f, from, to) }
	length := span.To.Sub(span.From)
	quarter := length / 4
	if zoomed {
		list = append(list, link{"whole batch", f.Here("from", "", "to", ""), false}, link{"‹ earlier", to(span.From.Add(-2*quarter), span.To.Add(-2*quarter)), false},
			link{"later ›", to(span.From.Add(2*quarter), span.To.Add(2*quarter)), false}, link{"wider", to(span.From.Add(-2*quarter), span.To.Add(2*quarter)), false})
	}
	if length > 4*time.Millisecond {
		list = append(list, link{"first half", to(span.From, span.From.Add(2*quarter)), false}, link{"middle", to(span.From.Add(quarter), span.To.Add(-quarter)), false},
			link{"last half", to(span.From.Add(2*quarter), span.To), false})
	}
	return list
}

// ganttSentence says how well the slots were used.
func ganttSentence(f *frame, key string, runs report.Runs, slots []*gantt.Slot, span report.Span) string {
	executors, used := 0, time.Duration(0)
	last := span.From
	for _, s := range slots {
		if s.First {
			executors++
		}
		for _, run := range s.Runs {
			from, to := run.StartedAt, gantt.End(run, f.now)
			if from.Before(span.From) {
				from = span.From
			}
			if to.After(span.To) {
				to = span.To
			}
			used += max(0, to.Sub(from))
			if to.After(last) {
				last = to
			}
		}
	}
	length := max(last.Sub(span.From), time.Millisecond)
	share := int(100 * used.Seconds() / (length.Seconds() * float64(len(slots))))
	text := fmt.Sprintf("%s: %s in %s on %s of %s, which were busy for %d %% of it", key, listing.Plural(runs.Matching, "attempt"), listing.Seconds(length.Seconds()),
		listing.Plural(len(slots), "slot"), listing.Plural(executors, "executor"), min(share, 100))
	return strings.TrimSpace(text) + "."
}
