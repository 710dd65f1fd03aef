package report

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Pool is a row of tagreport.pools.
type Pool struct {
	Pool                 string   `json:"pool"`
	Slots                *int     `json:"slots"`
	Used                 int      `json:"used"`
	Pending              int64    `json:"pending"`
	Due                  int64    `json:"due"`
	OldestPendingSeconds *float64 `json:"oldest_pending_seconds"`
	Paused               bool     `json:"paused"`
	Description          string   `json:"description"`
}

const poolsSQL = `-- tagexec: list pools
SELECT p.pool, p.slots, p.used::int AS used, p.pending, p.due, p.oldest_pending_seconds, p.paused, p.description
  FROM tagreport.pools p
 ORDER BY p.pool`

// Pools returns all pools by name.
func (r *Reader) Pools(ctx context.Context) ([]Pool, error) {
	return ask[Pool](ctx, r, "list pools", analyst, poolsSQL, pgx.StrictNamedArgs{})
}
