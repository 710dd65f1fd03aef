package page

import (
	"fmt"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/gantt"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

// Measures of a gantt, in the units of its viewBox.
const (
	ganttWidth  = 1200.0
	ganttLeft   = 130.0 // names of executors
	ganttTop    = 24.0  // the axis
	rowHeight   = 15.0
	barHeight   = 11.0
	barsMost    = 700 // each is three elements of a page
	rowsMost    = 300
	hostMost    = 18  // characters of a name
	leastFolded = 8.0 // width up to which bars fold, where there are few slots
	markLeast   = 12  // width of a bar with room for a mark
	ganttBottom = 6.0
)

// ganttDrawing is a gantt as SVG.
type ganttDrawing struct {
	Width, Height, Left float64
	Rows                []ganttRow
	Bars                []ganttBar
	Gaps                []ganttGap
	Ticks               []ganttTick
	Now, Due            *float64 // x
	Likely              *ganttBar
	MoreRows            int // that are not drawn
}

// ganttRow is a slot.
type ganttRow struct {
	Y, Text     float64 // of its top, and of its name
	Label, Host string  // at the first slot of an executor
}

// ganttBar is a run, or several that are too short to be seen alone.
type ganttBar struct {
	X, Y, Width   float64
	Class         string
	Mark          string // where it has room for one
	Last          bool   // of its slot
	Several       bool
	BadY          float64 // of several: the share of those that failed, at the foot
	BadHeight     float64
	Link, Title   string
	MarkX, MarkY  float64
	from, to      time.Time
	runs, bad, on int // of several: all, failed, running
}

// ganttTick is a mark of the axis of time, with a link to the time up to the next.
type ganttTick struct {
	X    float64
	Text string
	Link string
}

// ganttPen draws into a span.
type ganttPen struct {
	*frame
	span  report.Span
	d     ganttDrawing
	y     float64
	least float64 // narrower bars that touch one another fold into one
	wide  float64 // up to so wide: else one failure would colour a whole night
}

// drawGantt draws slots. What is too short to be seen folds, and where that leaves too many
// bars, what is longer too.
func drawGantt(f *frame, slots []*gantt.Slot, span report.Span, due *time.Time, end ending) (d ganttDrawing) {
	for least := 1.0; ; least *= 2 {
		d = drawBars(f, slots, span, due, end, least)
		if len(d.Bars) <= barsMost || least > ganttWidth {
			return d
		}
	}
}

// drawBars draws slots, and folds bars that are narrower than least.
func drawBars(f *frame, slots []*gantt.Slot, span report.Span, due *time.Time, end ending, least float64) ganttDrawing {
	p := &ganttPen{frame: f, span: span, d: ganttDrawing{Width: ganttWidth, Left: ganttLeft}, y: ganttTop, least: least}
	p.wide = max(least, leastFolded, (ganttWidth-ganttLeft)*float64(min(len(slots), rowsMost))/(barsMost/2))
	for i, s := range slots {
		if i == rowsMost {
			p.d.MoreRows = len(slots) - rowsMost
			break
		}
		row := ganttRow{Y: p.y, Text: p.y + barHeight - 1, Host: s.Label()}
		row.Label = row.Host
		if runes := []rune(row.Host); len(runes) > hostMost {
			row.Label = string(runes[:hostMost-1]) + "…"
		}
		p.d.Rows = append(p.d.Rows, row)
		p.slot(s)
		p.y += rowHeight
	}
	p.d.Height = p.y + ganttBottom
	p.ticks()
	p.d.Now, p.d.Due = p.line(f.now), p.line(deref(due))
	if from, to := p.clip(end.P10), p.clip(end.P90); end.Known && to > from {
		p.d.Likely = &ganttBar{X: from, Width: to - from, Title: "8 of 10 times the batch ends from " + f.Precise(end.P10) + " to " + f.Precise(end.P90)}
	}
	return p.d
}

// clip is where a time is, or the end that is next to it.
func (p *ganttPen) clip(t time.Time) float64 {
	share := t.Sub(p.span.From).Seconds() / p.span.To.Sub(p.span.From).Seconds()
	return ganttLeft + min(max(share, 0), 1)*(ganttWidth-ganttLeft)
}

// line is where a time is, if it is in the span.
func (p *ganttPen) line(t time.Time) *float64 {
	if t.Before(p.span.From) || t.After(p.span.To) {
		return nil
	}
	x := p.clip(t)
	return &x
}

// slot draws the runs of a slot. A bar that others are folded into leads to a closer look.
func (p *ganttPen) slot(s *gantt.Slot) {
	var folded *ganttBar
	first := len(p.d.Bars)
	for _, run := range s.Runs {
		end := gantt.End(run, p.now)
		x, to := p.clip(run.StartedAt), p.clip(end)
		if to-x >= p.least {
			folded = nil
			p.bar(run, end, x, to)
			continue
		}
		if folded != nil && x-(folded.X+folded.Width) < p.least && x-folded.X < p.wide {
			p.fold(folded, run, end, to)
			continue
		}
		folded = p.bar(run, end, x, max(x+1, to))
		p.count(folded, run)
		folded.from, folded.to = run.StartedAt, end
	}
	if len(p.d.Bars) > first {
		p.d.Bars[len(p.d.Bars)-1].Last = true
	}
}

// bar draws a run.
func (p *ganttPen) bar(run report.Run, end time.Time, x, to float64) *ganttBar {
	b := ganttBar{
		X: x, Y: p.y, Width: to - x, Class: glyphs[run.Outcome].class, Link: p.URL(fmt.Sprintf("/jobs/%d", run.JobID)),
		Title: fmt.Sprintf("%d %s: %s, %s from %s", run.JobID, run.Tag, run.Outcome, listing.Seconds(end.Sub(run.StartedAt).Seconds()), p.Precise(run.StartedAt)),
	}
	if b.Class != "ok" && b.Width >= markLeast {
		b.Mark, b.MarkX, b.MarkY = glyphs[run.Outcome].glyph, b.X+2, b.Y+barHeight-2
	}
	p.d.Bars = append(p.d.Bars, b)
	return &p.d.Bars[len(p.d.Bars)-1]
}

// fold adds a run to a bar of several.
func (p *ganttPen) fold(b *ganttBar, run report.Run, end time.Time, to float64) {
	p.count(b, run)
	b.Several, b.Mark, b.Width, b.to = true, "", max(b.Width, to-b.X), end
	if b.Class = "ok"; b.on > 0 {
		b.Class = "run"
	}
	if b.BadHeight = 0; b.bad > 0 {
		b.BadHeight = max(2, barHeight*float64(b.bad)/float64(b.runs))
		b.BadY = b.Y + barHeight - b.BadHeight
	}
	b.Title = fmt.Sprintf("%s from %s to %s: %d failed, %d run", listing.Plural(b.runs, "short attempt"), p.Precise(b.from), p.Precise(b.to), b.bad, b.on)
	b.Link = p.stretch(b.from, b.to.Add(time.Millisecond))
}

func (p *ganttPen) count(b *ganttBar, run report.Run) {
	b.runs++
	switch glyphs[run.Outcome].class {
	case "bad":
		b.bad++
	case "run":
		b.on++
	}
}

// stretch is a link to a closer look.
func (p *ganttPen) stretch(from, to time.Time) string {
	return p.Here("from", from.UTC().Format(time.RFC3339Nano), "to", to.UTC().Format(time.RFC3339Nano))
}

// steps from tick to tick.
var steps = []time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
}

// ticksMost is how many ticks have room.
const ticksMost = 10

// ticks draws the axis of time.
func (p *ganttPen) ticks() {
	length := p.span.To.Sub(p.span.From)
	step := 24 * time.Hour
	for _, s := range steps {
		if length/s <= ticksMost {
			step = s
			break
		}
	}
	for length/step > ticksMost {
		step *= 2
	}
	layout := "15:04"
	switch {
	case step < time.Second:
		layout = "15:04:05.000"
	case step < time.Minute:
		layout = "15:04:05"
	case step >= 24*time.Hour:
		layout = "Jan _2"
	}
	local := p.span.From.In(p.Zone)
	t := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, p.Zone)
	for t = t.Add(local.Sub(t).Truncate(step)); !t.After(p.span.To); t = t.Add(step) {
		if t.Before(p.span.From) || p.clip(t) > ganttWidth-30 {
			continue
		}
		p.d.Ticks = append(p.d.Ticks, ganttTick{p.clip(t), t.Format(layout), p.stretch(t, t.Add(step))})
	}
}
