package page

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/gantt"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

// Measures of a gantt, in the units of its viewBox.
const (
	ganttWidth  = 1200.0
	ganttLeft   = 130.0 // names of executors
	ganttAxis   = 18.0  // below its words
	ganttTop    = 24.0
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

// box is where a rectangle of a drawing is.
type box struct{ X, Y, Width, Height float64 }

// Attributes are those of the rectangle: one value, because a drawing has hundreds and a
// template escapes each value by itself.
func (b box) Attributes() template.HTMLAttr {
	text := make([]byte, 0, 64)
	for _, a := range []struct {
		name  string
		value float64
	}{{`x="`, b.X}, {`" y="`, b.Y}, {`" width="`, b.Width}, {`" height="`, b.Height}} {
		text = strconv.AppendFloat(append(text, a.name...), math.Round(10*a.value)/10, 'f', -1, 64)
	}
	return template.HTMLAttr(append(text, '"'))
}

// ganttBar is a run, or several that are too short to be seen alone.
type ganttBar struct {
	box
	Class        string
	Mark         string // where it has room for one
	Last         bool   // of its slot
	Bad          box    // of several: the share of those that failed, at the foot
	Link, Title  string
	MarkX, MarkY float64

	run           *report.Run // the first of several
	from, to      time.Time
	runs, bad, on int // all, failed, running
}

// Several reports whether the bar stands for more than one run.
func (b *ganttBar) Several() bool { return b.runs > 1 }

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
	least float64 // narrower bars that touch one another fold into one
	wide  float64 // up to so wide: else one failure would colour a whole night
}

// drawGantt draws slots. What is too short to be seen folds, and where that leaves too many
// bars, what is longer too.
func drawGantt(f *frame, slots []*gantt.Slot, span report.Span, due *time.Time, end ending) ganttDrawing {
	p := &ganttPen{frame: f, span: span, d: ganttDrawing{Width: ganttWidth, Left: ganttLeft}}
	if more := len(slots) - rowsMost; more > 0 {
		slots, p.d.MoreRows = slots[:rowsMost], more
	}
	p.rows(slots)
	for p.least = 1.0; !p.bars(slots); p.least *= 2 { // in the end there is one bar a row
	}
	for i := range p.d.Bars {
		p.describe(&p.d.Bars[i])
	}
	p.ticks()
	p.d.Now, p.d.Due = p.line(f.now), p.line(deref(due))
	if from, to := p.clip(end.P10), p.clip(end.P90); end.Known && to > from {
		p.d.Likely = &ganttBar{box: box{from, ganttAxis, to - from, p.d.Height}, Title: "8 of 10 times the batch ends from " + f.Precise(end.P10) + " to " + f.Precise(end.P90)}
	}
	return p.d
}

// rows gives each slot its row.
func (p *ganttPen) rows(slots []*gantt.Slot) {
	y := ganttTop
	for _, s := range slots {
		row := ganttRow{Y: y, Text: y + barHeight - 1, Host: s.Label()}
		row.Label = row.Host
		if runes := []rune(row.Host); len(runes) > hostMost {
			row.Label = string(runes[:hostMost-1]) + "…"
		}
		p.d.Rows = append(p.d.Rows, row)
		y += rowHeight
	}
	p.d.Height = y + ganttBottom
}

// bars lays out the bars of slots, and folds those that are narrower than least. It reports
// whether that makes no more than barsMost.
func (p *ganttPen) bars(slots []*gantt.Slot) bool {
	p.d.Bars = p.d.Bars[:0]
	p.wide = max(p.least, leastFolded, (ganttWidth-ganttLeft)*float64(len(slots))/(barsMost/2))
	for i, s := range slots {
		if p.slot(s, p.d.Rows[i].Y); len(p.d.Bars) > barsMost {
			return false
		}
	}
	return true
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

// slot lays out the runs of a slot.
func (p *ganttPen) slot(s *gantt.Slot, y float64) {
	var folded *ganttBar
	first := len(p.d.Bars)
	for _, run := range s.Runs {
		end := gantt.End(run, p.now)
		x, to := p.clip(run.StartedAt), p.clip(end)
		short := to-x < p.least
		if short && folded != nil && x-(folded.X+folded.Width) < p.least && x-folded.X < p.wide {
			folded.Width, folded.to = max(folded.Width, to-folded.X), end
			folded.count(run)
			continue
		}
		p.d.Bars = append(p.d.Bars, ganttBar{box: box{x, y, to - x, barHeight}, run: run, from: run.StartedAt, to: end})
		b := &p.d.Bars[len(p.d.Bars)-1]
		b.count(run)
		if folded = nil; short {
			b.Width, folded = max(1, b.Width), b
		}
	}
	if len(p.d.Bars) > first {
		p.d.Bars[len(p.d.Bars)-1].Last = true
	}
}

func (b *ganttBar) count(run *report.Run) {
	b.runs++
	switch glyphs[run.Outcome].class {
	case "bad":
		b.bad++
	case "run":
		b.on++
	}
}

// describe gives a bar its words, its link and its looks. A bar of several leads to a
// closer look.
func (p *ganttPen) describe(b *ganttBar) {
	if !b.Several() {
		glyph := glyphs[b.run.Outcome]
		b.Class, b.Link = glyph.class, p.URL(fmt.Sprintf("/jobs/%d", b.run.JobID))
		b.Title = fmt.Sprintf("%d %s: %s, %s from %s", b.run.JobID, b.run.Tag, b.run.Outcome, listing.Seconds(b.to.Sub(b.from).Seconds()), p.Precise(b.from))
		if b.Class != "ok" && b.Width >= markLeast {
			b.Mark, b.MarkX, b.MarkY = glyph.glyph, b.X+2, b.Y+barHeight-2
		}
		return
	}
	if b.Class = "ok"; b.on > 0 {
		b.Class = "run"
	}
	if b.bad > 0 {
		height := max(2, barHeight*float64(b.bad)/float64(b.runs))
		b.Bad = box{b.X, b.Y + barHeight - height, b.Width, height}
	}
	b.Title = fmt.Sprintf("%s from %s to %s: %d failed, %d run", listing.Plural(b.runs, "short attempt"), p.Precise(b.from), p.Precise(b.to), b.bad, b.on)
	b.Link = stretch(p.frame, b.from, b.to.Add(time.Millisecond))
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
		p.d.Ticks = append(p.d.Ticks, ganttTick{p.clip(t), t.Format(layout), stretch(p.frame, t, t.Add(step))})
	}
}
