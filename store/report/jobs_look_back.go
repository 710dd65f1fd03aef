package report

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Looking back ends after so many jobs, or so much time, until somebody asks to go on.
const (
	firstWindow = 1_000
	maxWindow   = 20_000
	maxPayloads = 5_000 // a window of these, which are read from elsewhere
	maxLookBack = 80_000
	maxLookTime = 150 * time.Millisecond
)

// jobOrder is an order of jobs that an index has. hits finds in a window what
// matches; bounds tells how many jobs the window holds, and the last of them.
type jobOrder struct {
	hits, bounds string
	byEnd        bool // else by number
}

// place is where a job is in the order.
func (o jobOrder) place(j Job) Place {
	if o.byEnd {
		return Place{*j.FinishedAt, j.ID}
	}
	return Place{j.CreatedAt, j.ID}
}

// window is what bounds tells; it has no last job if it is empty.
type window struct {
	Jobs int
	ID   *int64
	At   *time.Time
}

// lookBack looks through windows of jobs until enough match.
func (r *Reader) lookBack(ctx context.Context, order jobOrder, f JobFilter, from *Place, limit int) (page JobPage, err error) {
	began := time.Now()
	if from == nil {
		from = end()
	}
	if order.byEnd && !f.Until.IsZero() && f.Until.Before(from.At) {
		from = &Place{At: f.Until}
	}
	largest := maxWindow
	if f.Payload != nil {
		largest = maxPayloads
	}
	looked := &LookBack{}
	for size, asked := firstWindow, began; ; size, asked = nextWindow(size, largest, time.Since(asked), maxLookTime-time.Since(began)), time.Now() {
		args := f.args(limit - len(page.Jobs))
		args["at"], args["id"], args["window"] = from.At, from.ID, size
		hits, err := r.jobs(ctx, f, order.hits, args)
		if err != nil {
			return JobPage{}, err
		}
		page.Jobs = append(page.Jobs, hits...)
		if len(page.Jobs) >= limit {
			last := order.place(page.Jobs[len(page.Jobs)-1])
			page.Next = &last
			return page, nil
		}
		w, err := one[window](ctx, r, "list jobs", analyst, order.bounds, args, pgx.ErrNoRows)
		if err != nil {
			return JobPage{}, err
		}
		if w.Jobs < size {
			return page, nil
		}
		from = &Place{*w.At, *w.ID}
		looked.Jobs, looked.Back = looked.Jobs+w.Jobs, from.At
		if looked.Jobs >= maxLookBack || time.Since(began) > maxLookTime {
			page.Looked, page.Next = looked, from
			return page, nil
		}
	}
}

// nextWindow is how many jobs to look at after so many took so long, in what is left of the
// time: on a busy server a window of four times as many might take all that a statement may.
func nextWindow(size, largest int, took, left time.Duration) int {
	next := min(4*size, largest)
	if fits := float64(size) * left.Seconds() / took.Seconds(); fits < float64(next) {
		next = max(int(fits), firstWindow/4)
	}
	return next
}
