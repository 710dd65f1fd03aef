package report

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// TagRun is an ended attempt of a tag.
type TagRun struct {
	JobID            int64     `json:"job_id"`
	Attempt          int       `json:"attempt"`
	Batch            *string   `json:"batch"`
	BizDate          *string   `json:"biz_date"`
	Outcome          string    `json:"outcome"`
	StartedAt        time.Time `json:"started_at"`
	FinishedAt       time.Time `json:"finished_at"`
	QueueWaitSeconds float64   `json:"queue_wait_seconds"`
	RunSeconds       float64   `json:"run_seconds"`
	Hostname         string    `json:"hostname"`
	RowsAffected     *int64    `json:"rows_affected"`
	ErrorCode        *string   `json:"error_code"`
	Error            *string   `json:"error"`
}

const tagRunsSQL = `-- tagexec: runs of a tag
SELECT a.job_id, a.attempt, a.batch, a.biz_date::text AS biz_date, a.outcome, a.started_at, a.finished_at, a.queue_wait_seconds, a.run_seconds,
       a.hostname, a.rows_affected, a.error_code, a.error
  FROM tagreport.attempts a
 WHERE a.tag = @tag::text
 ORDER BY a.finished_at DESC
 LIMIT @limit::int`

func tagRunsArgs(tag string, limit int) pgx.StrictNamedArgs {
	return pgx.StrictNamedArgs{"tag": tag, "limit": limit}
}

// TagRuns returns up to limit ended attempts of a tag, the latest first.
func (r *Reader) TagRuns(ctx context.Context, tag string, limit int) ([]TagRun, error) {
	return ask[TagRun](ctx, r, "list runs of a tag", analyst, tagRunsSQL, tagRunsArgs(tag, limit))
}

// TagRunsSQL is what TagRuns asks, to be asked by hand.
func (r *Reader) TagRunsSQL(tag string, limit int) string {
	return r.byHand(tagRunsSQL, tagRunsArgs(tag, limit))
}
