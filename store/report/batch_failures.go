package report

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Cause is why jobs of a batch failed for good.
type Cause struct {
	ErrorCode    *string `json:"error_code"`
	Error        *string `json:"error"` // its first 120 characters, by which they are told apart
	Jobs         int     `json:"jobs"`
	ExampleJobID int64   `json:"example_job_id"`
	ExampleTag   string  `json:"example_tag"`
}

// maxCaused is how many failed jobs of a batch are looked at.
const maxCaused = 20_000

const causesSQL = `-- tagexec: causes of failed jobs of a batch
SELECT f.error_code, f.error, count(*)::int AS jobs, min(f.id) AS example_job_id, (array_agg(f.tag ORDER BY f.id))[1] AS example_tag
  FROM (SELECT j.id, j.tag, j.error_code, left(j.error, 120) AS error
          FROM tagreport.jobs j
         WHERE j.batch = @batch::text AND j.state = 'failed'
         LIMIT @window::int) f
 GROUP BY f.error_code, f.error
 ORDER BY jobs DESC, example_job_id
 LIMIT @limit::int`

// Causes returns why jobs of a batch failed, the most frequent cause first. It looks
// at up to 20,000 failed jobs.
func (r *Reader) Causes(ctx context.Context, batch string, limit int) ([]Cause, error) {
	return ask[Cause](ctx, r, "look why jobs failed", analyst, causesSQL, pgx.StrictNamedArgs{"batch": batch, "window": maxCaused, "limit": limit})
}
