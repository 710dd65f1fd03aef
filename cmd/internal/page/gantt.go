package page

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
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
	Title string
	Batch string
	Gantt part[ganttAnswer]
}

// ganttAnswer is what a gantt says, and the rest of its page, rendered for all who look while
// it is kept: hundreds of bars take longer to render than all else.
type ganttAnswer struct {
	Sentence string
	Below    template.HTML
}

// theGantt is a drawing of attempts, with a table of the longest.
type theGantt struct {
	Sentence string
	Zoomed   bool
	Drawing  ganttDrawing
	Drawn    int  // attempts
	Capped   bool // of too many
	Longest  []ganttRun
	Rest     string // link to attempts that started after those that are drawn; "" if all are
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
	d := ganttData{Title: "Gantt of " + key, Batch: key}
	var end ending
	if !b.Settled() && span.From.IsZero() {
		end = later(v, "end of "+key+" for "+v.ZoneName(), forecastLife, func(ctx context.Context, r *report.Reader) (ending, error) { return endOf(ctx, r, v.frame, key) }).Value
	}
	d.Gantt = later(v, fmt.Sprintf("gantt at %s for %s, end known: %t", v.Here(), v.ZoneName(), end.Known), ganttLife, func(ctx context.Context, r *report.Reader) (ganttAnswer, error) {
		found, err := runs(ctx, r)
		if err != nil {
			return ganttAnswer{}, err
		}
		changes, err := r.PauseChanges(ctx, poolsOf(found.Runs))
		if err != nil {
			return ganttAnswer{}, err
		}
		g := ganttOf(v.frame, b, found, span, end, changes)
		var below strings.Builder
		if err := templates["gantt"].ExecuteTemplate(&below, "gantt", content{v.frame, g}); err != nil {
			panic(err) // no fault of the database's
		}
		return ganttAnswer{g.Sentence, template.HTML(below.String())}, nil
	})
	return &view{template: "gantt", Title: d.Title, Data: d, settled: true}, nil
}

// ganttOf makes a gantt of a batch's runs in a span, which is zero for all of them.
func ganttOf(f *frame, b report.BatchDetail, found report.Runs, span report.Span, end ending, changes []report.PauseChange) theGantt {
	g := theGantt{Zoomed: !span.From.IsZero(), Drawn: len(found.Runs), Capped: found.Capped}
	if len(found.Runs) == 0 {
		g.Sentence = "No job of " + b.Batch + " has started yet."
		if g.Zoomed {
			g.Sentence = fmt.Sprintf("No job of %s ran from %s to %s.", b.Batch, f.Clock(span.From), f.Clock(span.To))
			g.Zooms = zooms(f, span, true)
		}
		return g
	}
	if !g.Zoomed {
		span = wholeSpan(found.Runs, f.now, b.DueAt, end)
	}
	slots := gantt.Slots(found.Runs, f.now)
	g.Drawing = drawGantt(f, slots, span, b.DueAt, end)
	g.Drawing.gaps(f, slots, span, whyIdle{found.Runs, queuedTimes(found.Runs), b.Pending == 0 && !found.Capped && len(found.Runs) == found.Matching, changes})
	g.Longest = longest(found.Runs, f.now)
	if found.Matching > len(found.Runs) {
		g.Rest = stretch(f, found.Runs[len(found.Runs)-1].StartedAt, found.Until.Add(time.Millisecond))
	}
	g.Zooms = zooms(f, span, g.Zoomed)
	g.Sentence = ganttSentence(f, b.Batch, found, slots, span)
	return g
}

// poolsOf are the pools of runs.
func poolsOf(runs []report.Run) (pools []string) {
	for i := range runs {
		if pool := runs[i].Pool; !slices.Contains(pools, pool) {
			pools = append(pools, pool)
		}
	}
	return pools
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
	for i := range runs {
		if at := gantt.End(&runs[i], now); at.After(span.To) {
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
func longest(runs []report.Run, now time.Time) (list []ganttRun) {
	order := make([]*report.Run, len(runs))
	for i := range runs {
		order[i] = &runs[i]
	}
	length := func(run *report.Run) time.Duration { return gantt.End(run, now).Sub(run.StartedAt) }
	slices.SortStableFunc(order, func(a, b *report.Run) int { return cmp.Compare(length(b), length(a)) })
	for _, run := range order[:min(len(order), longestMost)] {
		list = append(list, ganttRun{*run, length(run).Seconds()})
	}
	return list
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
