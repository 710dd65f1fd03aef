package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far a known number of jobs has come: a bar on a terminal,
// elsewhere a plain line every so often, each written whole.
type progress struct {
	w     io.Writer
	every time.Duration
	what  string // is counted
	bar   *progressbar.ProgressBar
	total int
	last  time.Time
}

// newProgress shows progress on w; a plain line comes at most once per every.
func newProgress(w io.Writer, every time.Duration) *progress {
	return &progress{w: w, every: every, what: "jobs done", last: time.Now()}
}

// show reports done of total jobs; detail says more about them.
func (p *progress) show(done, total int, detail string) {
	if !onTerminal(p.w) {
		if time.Since(p.last) >= p.every {
			p.last = time.Now()
			fmt.Fprintf(p.w, "%d of %d %s, %s\n", done, total, p.what, detail)
		}
		return
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions(total,
			progressbar.OptionSetWriter(p.w), progressbar.OptionShowCount(), progressbar.OptionFullWidth(),
			progressbar.OptionSetPredictTime(false), progressbar.OptionThrottle(50*time.Millisecond), progressbar.OptionClearOnFinish())
	}
	if total != p.total {
		p.total = total
		p.bar.ChangeMax(total)
	}
	p.bar.Describe(detail)
	_ = p.bar.Set(done) // fails only above the total
}

// end clears the bar.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
