package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Progress shows how far a known number of jobs has come: a bar on a terminal,
// elsewhere a plain line every so often, each written whole.
type Progress struct {
	w     io.Writer
	every time.Duration
	what  string // is counted
	bar   *progressbar.ProgressBar
	total int
	last  time.Time
	note  string
}

// NewProgress shows progress on w; a plain line comes at most once per every
// and names what is counted, such as "jobs done".
func NewProgress(w io.Writer, every time.Duration, what string) *Progress {
	return &Progress{w: w, every: every, what: what, last: time.Now()}
}

// Show reports done of total jobs; detail says more about them.
func (p *Progress) Show(done, total int, detail string) {
	if !OnTerminal(p.w) {
		if time.Since(p.last) >= p.every {
			p.last = time.Now()
			fmt.Fprintf(p.w, "%d of %d %s, %s%s\n", done, total, p.what, detail, p.note)
		}
		return
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions(total,
			progressbar.OptionSetWriter(Unguarded(p.w)), progressbar.OptionShowCount(), progressbar.OptionFullWidth(),
			progressbar.OptionSetPredictTime(false), progressbar.OptionThrottle(50*time.Millisecond), progressbar.OptionClearOnFinish())
	}
	if total != p.total {
		p.total = total
		p.bar.ChangeMax(total)
	}
	p.bar.Describe(detail)
	_ = p.bar.Set(done) // fails only above the total
}

// Say prints a line of its own.
func (p *Progress) Say(text string) {
	p.End()
	fmt.Fprintln(p.w, Printable(text))
}

// Note ends each plain line from now on with a text, such as why nothing moves;
// none if it is empty.
func (p *Progress) Note(text string) {
	if p.note = ""; text != "" {
		p.note = "; " + Printable(text)
	}
}

// End clears the bar.
func (p *Progress) End() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
