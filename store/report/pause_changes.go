package report

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// PauseChange is that a pool was paused or resumed.
type PauseChange struct {
	Pool   string    `json:"pool"`
	At     time.Time `json:"at"`
	Paused bool      `json:"paused"`
	By     string    `json:"by"` // the user of the page or program, else the login
	Reason *string   `json:"reason"`
}

const pauseChangesSQL = `-- tagexec: list pauses and resumptions of pools
SELECT o.pool, o.at, (o.after ->> 'paused')::boolean AS paused, coalesce(nullif(o.ui_user, ''), o.by::text) AS by, o.reason
  FROM (SELECT a.id, a.pool, a.at, a.by, a.ui_user, a.reason, a.before, a.after
          FROM tagreport.operator_actions a
         ORDER BY a.id DESC
         LIMIT @window::int) o
 WHERE o.pool = ANY (@pools::text[])
   AND (o.after ->> 'paused')::boolean IS DISTINCT FROM (o.before ->> 'paused')::boolean
   AND o.after ->> 'paused' IS NOT NULL
 ORDER BY o.id
 LIMIT 1000`

// PauseChanges returns when these pools were paused and resumed, the earliest first, where
// that is among the newest 20,000 actions.
func (r *Reader) PauseChanges(ctx context.Context, pools []string) ([]PauseChange, error) {
	return ask[PauseChange](ctx, r, "list pauses of pools", analyst, pauseChangesSQL, pgx.StrictNamedArgs{"pools": pools, "window": maxActions})
}
