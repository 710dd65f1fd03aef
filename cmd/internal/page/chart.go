package page

import (
	"fmt"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

// chart is a chart of bars by time, with a table for who does not see it. Its units are
// those of its viewBox.
type chart struct {
	Width, Height int
	Bars          []bar
	Ticks         []tick
	Top           string // what the highest bar stands for
}

// bar is one bar, in two parts: the lower one is bad.
type bar struct {
	X, Width     float64
	Y, Height    float64
	BadY, BadTop float64 // y and height of the lower part
	Label        string
	Link         string
}

// tick is a mark of the axis of time.
type tick struct {
	X    float64
	Text string
}

const chartWidth, chartHeight = 960, 120

// dayChart draws what ended in the last 24 hours.
func dayChart(f *frame, stretches []report.Stretch) chart {
	const length = chartMinutes * time.Minute
	last := f.now.Truncate(length)
	first := last.Add(-24*time.Hour + length)
	c := chart{Width: chartWidth, Height: chartHeight}
	most := 1
	for _, s := range stretches {
		most = max(most, s.Attempts)
	}
	c.Top = listing.Thousands(most)
	width := float64(chartWidth) / (24 * 60 / chartMinutes)
	x := func(t time.Time) float64 { return t.Sub(first).Minutes() / chartMinutes * width }
	for _, s := range stretches {
		if s.At.Before(first) {
			continue
		}
		high := float64(s.Attempts) / float64(most) * chartHeight
		bad := float64(s.Failed) / float64(most) * chartHeight
		label := fmt.Sprintf("%s: %s ended, %s failed", f.Clock(s.At), listing.Thousands(s.Attempts), listing.Thousands(s.Failed))
		if s.P95WaitSeconds != nil {
			label += ", 19 of 20 waited up to " + listing.Seconds(*s.P95WaitSeconds)
		}
		c.Bars = append(c.Bars, bar{
			X: x(s.At) + 0.5, Width: width - 1, Y: chartHeight - high, Height: high - bad, BadY: chartHeight - bad, BadTop: bad, Label: label,
		})
	}
	for t := first.Truncate(time.Hour); !t.After(last); t = t.Add(time.Hour) {
		if local := t.In(f.Zone); local.Hour()%4 == 0 && local.Minute() == 0 && !t.Before(first) {
			c.Ticks = append(c.Ticks, tick{x(t), local.Format("15:04")})
		}
	}
	return c
}
