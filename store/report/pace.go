package report

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// PaceMinutes is how many minutes Pace covers.
const PaceMinutes = 5

// Pace is how fast attempts have ended lately.
type Pace struct {
	Attempts int `json:"attempts"` // that ended in PaceMinutes
	Failed   int `json:"failed"`   // of these failed, timed out or lost
}

const paceSQL = `-- tagexec: pace
SELECT coalesce(sum(m.attempts), 0)::int AS attempts,
       coalesce(sum(m.attempts) FILTER (WHERE m.outcome IN ('failed', 'timed_out', 'lost')), 0)::int AS failed
  FROM tagreport.minutes m
 WHERE m.minute >= date_trunc('minute', now()) - make_interval(mins => @minutes::int + 1)
   AND m.minute < date_trunc('minute', now()) - interval '1 minute'`

// Pace returns how fast attempts ended in the last five minutes that are written,
// which is up to two minutes ago.
func (r *Reader) Pace(ctx context.Context) (Pace, error) {
	return one[Pace](ctx, r, "look how fast jobs end", analyst, paceSQL, pgx.StrictNamedArgs{"minutes": PaceMinutes}, nil)
}
