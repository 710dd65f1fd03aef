package report

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Stretch is what ended in a stretch of time.
type Stretch struct {
	At             time.Time `json:"at"` // its beginning
	Attempts       int       `json:"attempts"`
	Failed         int       `json:"failed"` // of these failed, timed out or lost
	P95WaitSeconds *float64  `json:"p95_wait_seconds"`
}

// A wait is counted in classes, each of which ends √2 later than the one before (see
// tagreport.minutes), so the percentile is that of its class's end. Stretches begin at
// whole multiples of their length since 1970.
const stretchesSQL = `-- tagexec: list what ended by time
WITH m AS MATERIALIZED (
    SELECT to_timestamp(floor(extract(epoch FROM m.minute) / @seconds::int) * @seconds) AS at, m.attempts, m.outcome, m.wait_counts
      FROM tagreport.minutes m
     WHERE m.minute >= @since::timestamptz
), waits AS (
    SELECT m.at, c.class, sum(c.n) AS n
      FROM m
     CROSS JOIN LATERAL unnest(m.wait_counts) WITH ORDINALITY c (n, class)
     WHERE c.n > 0
     GROUP BY m.at, c.class
), ranked AS (
    SELECT w.at, w.class, sum(w.n) OVER (PARTITION BY w.at ORDER BY w.class) AS below, sum(w.n) OVER (PARTITION BY w.at) AS total
      FROM waits w
), slow AS (
    SELECT r.at, min(r.class) AS class
      FROM ranked r
     WHERE r.below >= 0.95 * r.total AND r.total > 0
     GROUP BY r.at
)
SELECT m.at, sum(m.attempts)::int AS attempts,
       coalesce(sum(m.attempts) FILTER (WHERE m.outcome IN ('failed', 'timed_out', 'lost')), 0)::int AS failed,
       (SELECT 0.001 * 2 ^ ((s.class - 1) / 2.0) FROM slow s WHERE s.at = m.at)::double precision AS p95_wait_seconds
  FROM m
 GROUP BY m.at
 ORDER BY m.at`

// Stretches returns what ended since a time, by stretches of so many minutes, as far as
// anything did.
func (r *Reader) Stretches(ctx context.Context, since time.Time, minutes int) ([]Stretch, error) {
	return ask[Stretch](ctx, r, "look how many jobs end", analyst, stretchesSQL, pgx.StrictNamedArgs{"since": since, "seconds": 60 * minutes})
}
