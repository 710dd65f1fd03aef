package estimate

import (
	"fmt"
	"time"
)

// Sentence says when the batch ends, and what binds it, if that is known: "likely 04:10
// (8 of 10 times between 03:55 and 04:40), bound by pool warehouse (8 slots); with 12
// about 03:41". clock writes a time.
func (e *Estimate) Sentence(b *Binding, clock func(time.Time) string) string {
	switch {
	case e.Refusal == Done:
		return Done
	case e.Refusal != "":
		return "nothing can be said about its end: " + e.Refusal
	case e.Bounds:
		return fmt.Sprintf("between %s and %s: it has too many jobs to plan them one by one", clock(e.P10), clock(e.P90))
	}
	text := fmt.Sprintf("likely %s (8 of 10 times between %s and %s)", clock(e.P50), clock(e.P10), clock(e.P90))
	if b != nil {
		text += fmt.Sprintf(", bound by %s", b)
		if b.More > 0 {
			text += fmt.Sprintf("; with %d about %s", b.More, clock(b.P50))
		}
	}
	return text
}

// nearEnd is how soon an end is near.
const nearEnd = 10 * time.Minute

// Near reports whether the end is so near that its time is told with seconds.
func (e *Estimate) Near(now time.Time) bool { return e.P90.Sub(now) < nearEnd }
