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
	poolsAt   time.Time     // ours, when they were asked for
	poolsTook time.Duration // until they were answered
	executors []report.Executor
	batches   []report.Batch // that are open
	failures  []report.Job   // the latest
	pace      report.Pace
	err       error // why something is missing
}

// poolsShare is the part of the time that counting what waits may take. Where much waits
// it takes long, and many may look at the same time.
const poolsShare = 100

// takeSnapshot asks all that the tabs show. What waits it takes from the last snapshot
// where that is recent for what it costs.
func takeSnapshot(ctx context.Context, q asker, now time.Time, last snapshot) snapshot {
	s := snapshot{at: now, pools: last.pools, poolsAt: last.poolsAt, poolsTook: last.poolsTook}
	var page report.JobPage
	if page, s.err = q.Jobs(ctx, report.JobFilter{States: []string{"running"}}, nil, maxRunning); s.err != nil {
		return s
	}
	s.running = page.Jobs
	if now.Sub(s.poolsAt) >= poolsShare*s.poolsTook {
		began := time.Now()
		if s.pools, s.err = q.Pools(ctx); s.err != nil {
			return s
		}
		s.poolsAt, s.poolsTook = now, time.Since(began)
	}
	if s.executors, s.err = q.Executors(ctx, false, maxLive); s.err != nil {
		return s
	}
	batches, err := q.Batches(ctx, report.BatchFilter{Open: true, Among: maxAmong}, nil, maxBatches)
	if s.batches, s.err = batches.Batches, err; s.err != nil {
		return s
	}
	if page, s.err = q.Jobs(ctx, report.JobFilter{States: []string{"failed"}}, nil, maxFailures); s.err != nil {
		return s
	}
	s.failures = page.Jobs
	s.pace, s.err = q.Pace(ctx)
	return s
}
