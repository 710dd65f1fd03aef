package report

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Run is an attempt of a job of a batch, ended or not.
type Run struct {
	JobID      int64      `json:"job_id"`
	Attempt    int        `json:"attempt"`
	Tag        string     `json:"tag"`
	Outcome    string     `json:"outcome"` // "running" for one that has not ended
	StartedAt  time.Time  `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at"`
	ExecutorID string     `json:"executor_id"`
	Hostname   string     `json:"hostname"`
}

const runsSQL = `-- tagexec: list runs of a batch
SELECT r.job_id, r.attempt, r.tag, r.outcome, r.started_at, r.finished_at, r.executor_id::text AS executor_id, r.hostname
  FROM (SELECT a.job_id, a.attempt, a.tag, a.outcome, a.started_at, a.finished_at, a.executor_id, a.hostname
          FROM tagreport.attempts a
         WHERE a.batch = @batch::text
        UNION ALL
        SELECT j.id, j.attempt, j.tag, j.state, j.started_at, NULL, j.executor_id, coalesce(e.hostname, '')
          FROM tagreport.jobs j
          LEFT JOIN tagreport.executors e ON e.id = j.executor_id
         WHERE j.batch = @batch AND j.state = 'running') r
 ORDER BY r.started_at, r.job_id, r.attempt
 LIMIT @limit::int`

// Runs returns up to limit attempts of a batch by their start.
func (r *Reader) Runs(ctx context.Context, batch string, limit int) ([]Run, error) {
	return ask[Run](ctx, r, "list attempts of a batch", analyst, runsSQL, pgx.StrictNamedArgs{"batch": batch, "limit": limit})
}
