package report

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"
)

// Executor is a row of tagreport.executors.
type Executor struct {
	ID               string          `json:"id"`
	Hostname         string          `json:"hostname"`
	PID              int             `json:"pid"`
	Version          string          `json:"version"`
	Workers          int             `json:"workers"`
	Running          int             `json:"running"`
	Kinds            []string        `json:"kinds"`
	Pools            []string        `json:"pools"`
	Batch            *string         `json:"batch"`
	Alive            bool            `json:"alive"`
	StartedAt        time.Time       `json:"started_at"`
	HeartbeatAt      time.Time       `json:"heartbeat_at"`
	LeaseSeconds     float64         `json:"lease_seconds"`
	StoppedAt        *time.Time      `json:"stopped_at"`
	ReapedAt         *time.Time      `json:"reaped_at"`
	Unavailable      json.RawMessage `json:"unavailable"`
	DrainRequestedAt *time.Time      `json:"drain_requested_at"`
	DrainReason      *string         `json:"drain_reason"`
}

const executorColumns = `e.id::text AS id, e.hostname, e.pid, e.version, e.workers, e.running::int AS running, e.kinds, e.pools, e.batch, e.alive,
       e.started_at, e.heartbeat_at, e.lease_seconds, e.stopped_at, e.reaped_at, e.unavailable, e.drain_requested_at, e.drain_reason`

const executorsSQL = `-- tagexec: list executors
SELECT ` + executorColumns + `
  FROM tagreport.executors e
 WHERE @ended::bool OR e.stopped_at IS NULL AND e.reaped_at IS NULL
 ORDER BY e.alive DESC, e.started_at DESC, e.id
 LIMIT @limit::int`

// Executors returns up to limit executors that have not ended, or also those that
// have: the living first, then by their start, the latest first.
func (r *Reader) Executors(ctx context.Context, ended bool, limit int) ([]Executor, error) {
	return ask[Executor](ctx, r, "list executors", analyst, executorsSQL, pgx.StrictNamedArgs{"ended": ended, "limit": limit})
}
