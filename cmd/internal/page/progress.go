package page

import (
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

// progressPart is a part of the bar of a batch, which is 1,000 wide.
type progressPart struct {
	X, Width    float64
	Class, What string
	Jobs        int
	Title       string
}

// progress is how far a batch is, as a bar.
func progress(c report.Counts) (list []progressPart) {
	x := 0.0
	for _, p := range []struct {
		n    int
		what string
	}{{c.Succeeded, "succeeded"}, {c.Failed, "failed"}, {c.Cancelled, "cancelled"}, {c.Running, "running"}, {c.Pending, "pending"}} {
		if p.n == 0 {
			continue
		}
		width := 1000 * float64(p.n) / float64(c.Jobs)
		list = append(list, progressPart{x, width, glyphs[p.what].class, p.what, p.n, listing.Thousands(p.n) + " " + p.what})
		x += width
	}
	return list
}
