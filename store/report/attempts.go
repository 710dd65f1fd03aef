package report

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Attempt is a row of tagreport.attempts, without what it has of its job and batch.
type Attempt struct {
	JobID            int64     `json:"job_id"`
	Attempt          int       `json:"attempt"`
	Outcome          string    `json:"outcome"`
	QueuedAt         time.Time `json:"queued_at"`
	StartedAt        time.Time `json:"started_at"`
	FinishedAt       time.Time `json:"finished_at"`
	QueueWaitSeconds float64   `json:"queue_wait_seconds"`
	RunSeconds       float64   `json:"run_seconds"`
	ExecutorID       string    `json:"executor_id"`
	Hostname         string    `json:"hostname"`
	RowsAffected     *int64    `json:"rows_affected"`
	ExitCode         *int      `json:"exit_code"`
	ErrorCode        *string   `json:"error_code"`
	Error            *string   `json:"error"`
	OutputBytes      int64     `json:"output_bytes"`
	QueryID          *string   `json:"query_id"`
}

const attemptColumns = `a.job_id, a.attempt, a.outcome, a.queued_at, a.started_at, a.finished_at, a.queue_wait_seconds, a.run_seconds,
       a.executor_id::text AS executor_id, a.hostname, a.rows_affected, a.exit_code, a.error_code, a.error, a.output_bytes, a.query_id`

// A job that is handed back again and again may have more.
const attemptsSQL = `-- tagexec: list attempts of a job
SELECT ` + attemptColumns + `
  FROM tagreport.attempts a
 WHERE a.job_id = @id::bigint
 ORDER BY a.attempt DESC
 LIMIT 100`

// Attempts returns the latest 100 ended attempts of a job, the latest first.
func (r *Reader) Attempts(ctx context.Context, job int64) ([]Attempt, error) {
	return ask[Attempt](ctx, r, "list attempts", analyst, attemptsSQL, pgx.StrictNamedArgs{"id": job})
}
