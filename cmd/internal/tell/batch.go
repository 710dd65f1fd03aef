package tell

import (
	"fmt"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

// Batch says how a batch stands.
func Batch(c Clock, b report.BatchDetail) string {
	done := b.Succeeded + b.Failed + b.Cancelled
	switch {
	case b.Jobs == 0:
		return fmt.Sprintf("%s has no job: none was submitted, or all were pruned", b.Batch)
	case b.Settled() && b.Failed+b.Cancelled == 0:
		return fmt.Sprintf("%s is done: all %s succeeded", b.Batch, listing.Plural(b.Jobs, "job"))
	case b.Settled():
		return fmt.Sprintf("%s is done: %s of %s succeeded, %s failed, %s cancelled", b.Batch, listing.Thousands(b.Succeeded), listing.Plural(b.Jobs, "job"), listing.Thousands(b.Failed), listing.Thousands(b.Cancelled))
	}
	stands := "is open"
	switch {
	case b.DueAt == nil:
	case b.DueAt.Before(c.Now()):
		stands = "is late, due " + c.Clock(*b.DueAt)
	default:
		stands += ", due " + c.Clock(*b.DueAt)
	}
	return fmt.Sprintf("%s %s: %s of %s done, %s failed", b.Batch, stands, listing.Thousands(done), listing.Plural(b.Jobs, "job"), listing.Thousands(b.Failed))
}

// Waits says how a batch stands and what most of it waits for.
func Waits(c Clock, b report.BatchDetail, waits []report.Wait) string {
	if b.Settled() {
		return Batch(c, b)
	}
	sentence := "open"
	if b.DueAt != nil {
		sentence = "in time: due " + c.Clock(*b.DueAt)
		if b.DueAt.Before(c.Now()) {
			sentence = "late: due " + c.Clock(*b.DueAt)
		}
	}
	sentence += fmt.Sprintf(", %s of %s done", listing.Thousands(b.Succeeded+b.Failed+b.Cancelled), listing.Plural(b.Jobs, "job"))
	if b.Failed > 0 {
		sentence += fmt.Sprintf(" (%s failed)", listing.Thousands(b.Failed))
	}
	switch {
	case len(waits) == 0:
		return sentence
	case Running(waits[0]):
		return sentence + "; nothing waits, the rest runs"
	}
	return fmt.Sprintf("%s; most wait because: %s", sentence, waits[0].Detail)
}

// Running reports whether a cause is none to wait for: the jobs run.
func Running(w report.Wait) bool { return w.Reason == "running" || w.Reason == "cancelling" }

// maxAhead is where counting of who is ahead ends.
const maxAhead = 100_000

// WaitFor is what jobs wait for, with who is ahead.
func WaitFor(w report.Wait) string {
	if w.Ahead == nil || *w.Ahead == 0 {
		return w.Detail
	}
	if *w.Ahead == 1 {
		return w.Detail + "; 1 job of others ahead"
	}
	return fmt.Sprintf("%s; %s jobs of others ahead", w.Detail, listing.Capped(*w.Ahead, maxAhead))
}
