package report

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Pool is a row of tagreport.queue_now: counts end at 100,001, which stands for more.
type Pool struct {
	Pool             string   `json:"pool"`
	Slots            *int     `json:"slots"`
	Used             int      `json:"used"`
	Due              int      `json:"due"`
	Pending          int      `json:"pending"`
	OldestDueSeconds *float64 `json:"oldest_due_seconds"`
	Paused           bool     `json:"paused"`
	Description      string   `json:"description"` // as tagreport.pools has it
}

const poolsSQL = `-- tagexec: list pools
SELECT q.pool, q.slots, q.used::int AS used, q.due::int AS due, q.pending::int AS pending, q.oldest_due_seconds, q.paused, coalesce(p.description, '') AS description
  FROM tagreport.queue_now q
  LEFT JOIN tagreport.pools p ON p.pool = q.pool
 ORDER BY q.pool`

// Pools returns all pools by name.
func (r *Reader) Pools(ctx context.Context) ([]Pool, error) {
	return ask[Pool](ctx, r, "list pools", analyst, poolsSQL, pgx.StrictNamedArgs{})
}
