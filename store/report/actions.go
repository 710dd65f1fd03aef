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
	ID         int64           `json:"id"`
	At         time.Time       `json:"at"`
	By         string          `json:"by"`
	UIUser     *string         `json:"ui_user"`
	Action     string          `json:"action"`
	JobID      *int64          `json:"job_id"`
	Batch      *string         `json:"batch"`
	Pool       *string         `json:"pool"`
	ExecutorID *string         `json:"executor_id"`
	JobIDs     []int64         `json:"job_ids"`
	Reason     *string         `json:"reason"`
	BulkID     *string         `json:"bulk_id"`
	Filter     *string         `json:"filter"`
	Before     json.RawMessage `json:"before"`
	After      json.RawMessage `json:"after"`
}

// ActionFilter says which actions are wanted; what is empty asks for all.
type ActionFilter struct {
	Job      int64 // also one among others
	Batch    string
	Pool     string // among the newest 20,000 actions, as no index leads to these
	Executor string // id; among these, too
}

const actionsSQL = `-- tagexec: list actions
SELECT o.id, o.at, o.by::text AS by, o.ui_user, o.action, o.job_id, o.batch, o.pool, o.executor_id::text AS executor_id, o.job_ids, o.reason,
       o.bulk_id::text AS bulk_id, o.filter, o.before, o.after
  FROM tagreport.operator_actions o
 WHERE o.id < @before::bigint
   AND (@job::bigint = 0 OR o.job_id = @job OR o.job_ids @> ARRAY[@job])
   AND (@batch::text = '' OR o.batch = @batch)
 ORDER BY o.id DESC
 LIMIT @limit::int`

const actionsAmongSQL = `-- tagexec: look for actions
SELECT o.id, o.at, o.by::text AS by, o.ui_user, o.action, o.job_id, o.batch, o.pool, o.executor_id::text AS executor_id, o.job_ids, o.reason,
       o.bulk_id::text AS bulk_id, o.filter, o.before, o.after
  FROM (SELECT * FROM tagreport.operator_actions a WHERE a.id < @before::bigint ORDER BY a.id DESC LIMIT @window::int) o
 WHERE (@pool::text = '' OR o.pool = @pool)
   AND (@executor::text = '' OR o.executor_id = nullif(@executor, '')::uuid)
   AND (@job::bigint = 0 OR o.job_id = @job OR o.job_ids @> ARRAY[@job])
   AND (@batch::text = '' OR o.batch = @batch)
 ORDER BY o.id DESC
 LIMIT @limit::int`

// Actions returns up to limit actions before one, the latest first; 0 begins with the
// latest.
func (r *Reader) Actions(ctx context.Context, f ActionFilter, before int64, limit int) ([]Action, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	if f.Pool != "" || f.Executor != "" {
		return ask[Action](ctx, r, "list actions", analyst, actionsAmongSQL, pgx.StrictNamedArgs{
			"job": f.Job, "batch": f.Batch, "pool": f.Pool, "executor": f.Executor, "before": before, "window": maxActions, "limit": limit,
		})
	}
	return ask[Action](ctx, r, "list actions", analyst, actionsSQL, pgx.StrictNamedArgs{
		"job": f.Job, "batch": f.Batch, "before": before, "limit": limit,
	})
}
