package page

import (
	"fmt"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

// tagChart is a chart of a tag by day: above how long it ran, below how long it waited,
// each with a scale of its own.
type tagChart struct {
	Width             int
	RunBase, WaitBase float64 // y of the two axes
	Days              []tagChartDay
	Ticks             []tick
	RunTop, WaitTop   string // what the highest bars stand for
	Narrow            bool   // a number has no room above a day
}

// tagChartDay is a day of it.
type tagChartDay struct {
	X, Width, Middle   float64
	P50Y, P50, P95Y    float64
	P95, WaitY, Wait   float64
	Failures           int
	Label, Since, Till string
}

// Heights of the chart: marks of failures, runs, a gap, waits.
const (
	markHeight = 14.0
	runHeight  = 110.0
	gapHeight  = 16.0
	waitHeight = 50.0
)

// chartOfTag draws the days of a tag from a time on.
func chartOfTag(since time.Time, days int, list []report.TagDay) tagChart {
	c := tagChart{Width: chartWidth, RunBase: markHeight + runHeight, WaitBase: markHeight + runHeight + gapHeight + waitHeight}
	byDay := map[string]report.TagDay{}
	longest, waited := 0.001, 0.001
	for _, d := range list {
		byDay[d.Day] = d
		longest, waited = max(longest, value(d.P95RunSeconds)), max(waited, value(d.P95QueueWaitSeconds))
	}
	c.RunTop, c.WaitTop = listing.Seconds(longest), listing.Seconds(waited)
	width := float64(chartWidth) / float64(days)
	c.Narrow = width < 24
	every := 1 + (days-1)/8 // days from tick to tick
	for i := range days {
		at := since.AddDate(0, 0, i)
		day := at.Format(time.DateOnly)
		x := float64(i) * width
		if i%every == 0 {
			c.Ticks = append(c.Ticks, tick{x, at.Format("Jan _2")})
		}
		d, ran := byDay[day]
		if !ran {
			continue
		}
		bar := tagChartDay{X: x + width*0.1, Width: width * 0.8, Middle: x + width/2, Failures: d.Failures, Since: day, Till: dayAfter(day, 1)}
		bar.P50, bar.P95 = value(d.P50RunSeconds)/longest*runHeight, value(d.P95RunSeconds)/longest*runHeight
		bar.Wait = value(d.P95QueueWaitSeconds) / waited * waitHeight
		bar.P50Y, bar.P95Y, bar.WaitY = c.RunBase-bar.P50, c.RunBase-bar.P95, c.WaitBase-bar.Wait
		bar.Label = fmt.Sprintf("%s: %s, %d failed; ran %s, 19 of 20 up to %s; 19 of 20 waited up to %s", at.Format("Jan _2"), listing.Plural(d.Attempts, "attempt"), d.Failures,
			listing.Seconds(value(d.P50RunSeconds)), listing.Seconds(value(d.P95RunSeconds)), listing.Seconds(value(d.P95QueueWaitSeconds)))
		c.Days = append(c.Days, bar)
	}
	return c
}

// value is a number that may be missing.
func value(n *float64) float64 {
	if n == nil {
		return 0
	}
	return *n
}
