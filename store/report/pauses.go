package report

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// maxActions is how many of the newest actions are looked at for what no index leads to.
const maxActions = 20_000

// Pause is who paused a pool last.
type Pause struct {
	Pool   string    `json:"pool"`
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	UIUser *string   `json:"ui_user"`
	Reason *string   `json:"reason"`
}

const pausesSQL = `-- tagexec: list pauses of pools
SELECT DISTINCT ON (o.pool) o.pool, o.at, o.by::text AS by, o.ui_user, o.reason
  FROM (SELECT a.id, a.pool, a.at, a.by, a.ui_user, a.reason, a.before, a.after
          FROM tagreport.operator_actions a
         ORDER BY a.id DESC
         LIMIT @window::int) o
 WHERE o.pool IS NOT NULL
   AND (o.after ->> 'paused')::boolean AND (o.before ->> 'paused')::boolean IS NOT TRUE
 ORDER BY o.pool, o.id DESC`

// Pauses returns who paused each pool last, where that is among the newest 20,000
// actions. The pool may have been resumed since.
func (r *Reader) Pauses(ctx context.Context) ([]Pause, error) {
	return ask[Pause](ctx, r, "list pauses of pools", analyst, pausesSQL, pgx.StrictNamedArgs{"window": maxActions})
}
