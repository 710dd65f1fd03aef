package report

import (
	"context"
	"encoding/json"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
)

// Action is a row of tagreport.operator_actions.
type Action struct {
	ID     int64           `json:"id"`
	At     time.Time       `json:"at"`
	By     string          `json:"by"`
	UIUser *string         `json:"ui_user"`
	Action string          `json:"action"`
	JobID  *int64          `json:"job_id"`
	Batch  *string         `json:"batch"`
	Pool   *string         `json:"pool"`
	Reason *string         `json:"reason"`
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

const actionsSQL = `-- tagexec: list actions
SELECT o.id, o.at, o.by::text AS by, o.ui_user, o.action, o.job_id, o.batch, o.pool, o.reason, o.before, o.after
  FROM tagreport.operator_actions o
 WHERE o.id < @before::bigint
 ORDER BY o.id DESC
 LIMIT @limit::int`

// Actions returns up to limit actions before one, the latest first; 0 begins with the
// latest.
func (r *Reader) Actions(ctx context.Context, before int64, limit int) ([]Action, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	return ask[Action](ctx, r, "list actions", analyst, actionsSQL, pgx.StrictNamedArgs{"before": before, "limit": limit})
}
