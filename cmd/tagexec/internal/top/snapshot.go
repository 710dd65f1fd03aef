package top

import (
	"context"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/tell"
	"github.com/tagexec/tagexec/store/report"
)

// asker is what the screen asks of a queue; *report.Reader answers it.
type asker interface {
	Jobs(ctx context.Context, f report.JobFilter, from *report.Place, limit int) (report.JobPage, error)
	Pools(ctx context.Context) ([]report.Pool, error)
	Executors(ctx context.Context, ended bool, limit int) ([]report.Executor, error)
	Batches(ctx context.Context, f report.BatchFilter, from *report.BatchPlace, limit int) (report.BatchPage, error)
	Pace(ctx context.Context) (report.Pace, error)
	JobDetail(ctx context.Context, id int64) (report.JobDetail, error)
	Waits(ctx context.Context, batch string) ([]report.Wait, error)
	Output(ctx context.Context, job int64, attempt int) (o report.Output, found bool, err error)
	Watch(ctx context.Context, job int64) (running bool, err error)
	Chunks(ctx context.Context, job int64, attempt int, from int64) ([]report.Chunk, error)
}

// Rows of each tab, at most.
const (
	maxRunning  = 500
	maxBatches  = 100
	maxFailures = tell.MaxFailed
	maxLive     = 200
	maxAmong    = 200 // newest batches, of which the open ones are shown
)

// maxQueue is where counts of what waits in a pool end; one more stands for more.
const maxQueue = 100_000

// snapshot is the queue at one moment.
type snapshot struct {
	at        time.Time // ours
	running   []report.Job
	pools     []report.Pool
	executors []report.Executor
	batches   []report.Batch // that are open
	failures  []report.Job   // the latest
	pace      report.Pace
	err       error // why something is missing

	costs [questions]cost
}

// questions is how many make a snapshot.
const questions = 6

// cost is when a question was asked last, and how long the answer took.
type cost struct {
	at   time.Time
	took time.Duration
}

// Many may look at the same time, and what waits or is open takes long to count where there
// is much: a question is asked again when share times what it took has passed, or leastOften.
const (
	share      = 100
	leastOften = 15 * time.Second
)

func (c cost) due(now time.Time) bool { return now.Sub(c.at) >= min(share*c.took, leastOften) }

// takeSnapshot asks all that the tabs show. What was answered a moment ago, for what it
// costs, it takes from the last snapshot.
func takeSnapshot(ctx context.Context, q asker, now time.Time, last snapshot) snapshot {
	s := last
	s.at, s.err = now, nil
	for i, ask := range [questions]func() error{
		func() error {
			page, err := q.Jobs(ctx, report.JobFilter{States: []string{"running"}}, nil, maxRunning)
			s.running = page.Jobs
			return err
		},
		func() (err error) { s.pools, err = q.Pools(ctx); return err },
		func() (err error) { s.executors, err = q.Executors(ctx, false, maxLive); return err },
		func() error {
			page, err := q.Batches(ctx, report.BatchFilter{Open: true, Among: maxAmong}, nil, maxBatches)
			s.batches = page.Batches
			return err
		},
		func() error {
			page, err := q.Jobs(ctx, report.JobFilter{States: []string{"failed"}}, nil, maxFailures)
			s.failures = page.Jobs
			return err
		},
		func() (err error) { s.pace, err = q.Pace(ctx); return err },
	} {
		if !s.costs[i].due(now) {
			continue
		}
		began := time.Now()
		if s.err = ask(); s.err != nil {
			s.costs[i] = cost{} // what is missing is asked for again
			return s
		}
		s.costs[i] = cost{now, time.Since(began)}
	}
	return s
}
