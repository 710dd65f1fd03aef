package page

import (
	"context"
	"fmt"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/cmd/internal/tell"
	"github.com/tagexec/tagexec/store/report"
)

const (
	// openAmong is how many of the newest batches are looked at for open ones.
	openAmong = 200
	// liveMost is how many executors are shown where only those that live are.
	liveMost = 200
	// countMost is where counts of what waits in a pool end; one more stands for more.
	countMost = 100_000
	// nextMost is how many of the next jobs are looked at for those that nobody takes.
	nextMost = 200
	// blockedLong is for how long vacuum must have been held back to be worth a line.
	blockedLong = 10 * time.Minute
	// chartMinutes is how long a bar of the chart of a day stands for.
	chartMinutes = 15
)

// overviewData is what overview.html shows.
type overviewData struct {
	Sentence  string
	Needs     []tell.Need
	Pools     part[[]report.Pool]
	Executors part[[]report.Executor]
	Open      part[[]report.Batch]
	Day       part[[]report.Stretch]
	Pace      part[report.Pace]
	Chart     chart
}

// overview answers: is all well, and what do I press?
func overview(v *visit) (*view, error) {
	d := overviewData{
		Pools:     pools(v),
		Executors: executorsAlive(v),
		Open: ask(v, "open batches", fresh, func(ctx context.Context, r *report.Reader) ([]report.Batch, error) {
			page, err := r.Batches(ctx, report.BatchFilter{Open: true, Among: openAmong}, nil, 50)
			return page.Batches, err
		}),
		Day: ask(v, "day", 30*time.Second, func(ctx context.Context, r *report.Reader) ([]report.Stretch, error) {
			return r.Stretches(ctx, time.Now().Add(-24*time.Hour), chartMinutes)
		}),
		Pace: ask(v, "pace", 10*time.Second, func(ctx context.Context, r *report.Reader) (report.Pace, error) { return r.Pace(ctx) }),
	}
	blockers := ask(v, "blockers", 10*time.Second, func(ctx context.Context, r *report.Reader) ([]report.Blocker, error) {
		return r.Blockers(ctx, blockedLong)
	})
	next := ask(v, "next jobs", fresh, func(ctx context.Context, r *report.Reader) ([]report.Job, error) {
		page, err := r.Jobs(ctx, report.JobFilter{States: []string{"pending"}}, nil, nextMost)
		return page.Jobs, err
	})
	failed := ask(v, "jobs that failed last", 10*time.Second, func(ctx context.Context, r *report.Reader) ([]report.Job, error) {
		page, err := r.Jobs(ctx, report.JobFilter{States: []string{"failed"}}, nil, tell.MaxFailed)
		return page.Jobs, err
	})
	q := tell.Queue{At: v.now, Failed: failed.Value, Next: next.Value, Pools: d.Pools.Value, Executors: d.Executors.Value, Open: d.Open.Value, Blockers: blockers.Value}
	d.Needs = q.Needs()
	d.Sentence = overviewSentence(d)
	d.Chart = dayChart(v.frame, d.Day.Value)
	return &view{template: "overview", Title: "Overview", Data: d}, nil
}

func pools(v *visit) part[[]report.Pool] {
	return ask(v, "pools", fresh, func(ctx context.Context, r *report.Reader) ([]report.Pool, error) { return r.Pools(ctx) })
}

func executorsAlive(v *visit) part[[]report.Executor] {
	return ask(v, "executors", fresh, func(ctx context.Context, r *report.Reader) ([]report.Executor, error) {
		return r.Executors(ctx, false, liveMost)
	})
}

func overviewSentence(d overviewData) string {
	running, due, pending, workers, alive := 0, 0, 0, 0, 0
	for _, p := range d.Pools.Value {
		due, pending = due+p.Due, pending+p.Pending
	}
	for _, e := range d.Executors.Value {
		if e.Alive {
			alive, workers = alive+1, workers+e.Workers
		}
		running += e.Running
	}
	if !d.Pools.Known || !d.Executors.Known {
		return "The queue is not known."
	}
	well := "All is well"
	if n := len(d.Needs); n > 0 {
		well = listing.Plural(n, "thing") + " need you"
		if n == 1 {
			well = "1 thing needs you"
		}
	}
	run := listing.Plural(running, "job") + " run"
	switch running {
	case 0:
		run = "nothing runs"
	case 1:
		run = "1 job runs"
	}
	text := fmt.Sprintf("%s: %s, no executor lives, %s due", well, run, listing.Capped(due, countMost))
	if alive > 0 {
		text = fmt.Sprintf("%s: %s on %s with %s, %s due", well, run, listing.Plural(alive, "executor"), listing.Plural(workers, "worker"), listing.Capped(due, countMost))
	}
	if later := pending - due; later > 0 {
		text += fmt.Sprintf(", %s later", listing.Capped(later, countMost))
	}
	if pace := tell.Pace(d.Pace.Value); pace != "" {
		text += "; " + pace
	}
	return text + "."
}
