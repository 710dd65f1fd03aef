package report

import (
	"context"

	"github.com/jackc/pgx/v5"
)

type usual struct{ Seconds *float64 }

const usualSQL = `-- tagexec: usual run time of a tag
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY l.run_seconds) AS seconds
  FROM (SELECT a.run_seconds, a.outcome
          FROM tagreport.attempts a
         WHERE a.tag = @tag::text
         ORDER BY a.finished_at DESC
         LIMIT @runs::int) l
 WHERE l.outcome = 'succeeded'`

// UsualSeconds returns the median run time of those of the latest ten attempts of a tag
// that succeeded; nil if none did.
func (r *Reader) UsualSeconds(ctx context.Context, tag string) (*float64, error) {
	u, err := one[usual](ctx, r, "look how long jobs take", analyst, usualSQL, pgx.StrictNamedArgs{"tag": tag, "runs": usualRuns}, nil)
	return u.Seconds, err
}
