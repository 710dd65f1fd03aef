package report

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Failure is a row of tagreport.failure_reasons.
type Failure struct {
	Day       string    `json:"day"`
	Tag       string    `json:"tag"`
	Pool      string    `json:"pool"`
	Outcome   string    `json:"outcome"`
	ErrorCode *string   `json:"error_code"`
	Attempts  int64     `json:"attempts"`
	Jobs      int64     `json:"jobs"`
	LastAt    time.Time `json:"last_at"`
	LastError *string   `json:"last_error"`
}

const failuresSQL = `-- tagexec: list failures of a day
SELECT f.day::text AS day, f.tag, f.pool, f.outcome, f.error_code, f.attempts, f.jobs, f.last_at, f.last_error
  FROM tagreport.failure_reasons f
 WHERE f.day = @day::date
 ORDER BY f.attempts DESC, f.tag, f.pool, f.outcome, f.error_code
 LIMIT @limit::int`

// Failures returns why attempts of a day failed, the most frequent reason first. The
// day is one of the reader's zone, as 2006-01-02. It reads all attempts of that day.
func (r *Reader) Failures(ctx context.Context, day string, limit int) ([]Failure, error) {
	return ask[Failure](ctx, r, "list failures", analyst, failuresSQL, pgx.StrictNamedArgs{"day": day, "limit": limit})
}
