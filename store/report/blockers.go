package report

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Blocker is a row of tagreport.vacuum_blockers: what keeps vacuum from removing dead rows.
type Blocker struct {
	Kind            string     `json:"kind"`
	Name            string     `json:"name"`
	Username        *string    `json:"username"`
	ApplicationName *string    `json:"application_name"`
	State           *string    `json:"state"`
	Since           *time.Time `json:"since"`
	AgeSeconds      *float64   `json:"age_seconds"`
}

const blockersSQL = `-- tagexec: list vacuum blockers
SELECT b.kind, b.name, b.username::text AS username, b.application_name, b.state, b.since, b.age_seconds
  FROM tagreport.vacuum_blockers b
 WHERE b.age_seconds >= @seconds::double precision
 ORDER BY b.age_seconds DESC
 LIMIT 20`

// Blockers returns the oldest 20 of what has held back vacuum for so long.
func (r *Reader) Blockers(ctx context.Context, age time.Duration) ([]Blocker, error) {
	return ask[Blocker](ctx, r, "look what holds back vacuum", analyst, blockersSQL, pgx.StrictNamedArgs{"seconds": age.Seconds()})
}
