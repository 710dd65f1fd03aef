package report

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Output is what an ended attempt printed, as far as it is kept.
type Output struct {
	Attempt     int
	Outcome     string
	FinishedAt  time.Time
	Output      *string // head and tail, marked where it was cut; nil: nothing
	OutputBytes int64   // its true length
}

const outputSQL = `-- tagexec: show output
SELECT a.attempt, a.outcome, a.finished_at, a.output, a.output_bytes
  FROM tagexec.tag_job_attempts a
 WHERE a.job_id = @id::bigint
   AND (@attempt::int = 0 OR a.attempt = @attempt)
 ORDER BY a.attempt DESC
 LIMIT 1`

// Output returns what an attempt of a job printed; attempt 0 is the latest that has
// ended. found is false if there is no such attempt.
func (r *Reader) Output(ctx context.Context, job int64, attempt int) (o Output, found bool, err error) {
	list, err := ask[Output](ctx, r, "read output", viewer, outputSQL, pgx.StrictNamedArgs{"id": job, "attempt": attempt})
	if err != nil || len(list) == 0 {
		return Output{}, false, err
	}
	return list[0], true, nil
}
