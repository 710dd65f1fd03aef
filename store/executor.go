package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Executor describes one start of an executor process.
type Executor struct {
	ID       uuid.UUID
	Hostname string
	PID      int
	Version  string
	Workers  int
	Kinds    []string // kinds it can run
	Pools    []string // pools it takes jobs from; nil for all
	Batch    string   // only jobs of this batch; "" for all
	Lease    time.Duration
}

const registerKindsSQL = `-- tagexec: register kinds
INSERT INTO tagexec.tag_kinds (kind)
SELECT k
  FROM unnest($1::text[]) k
 ORDER BY k
    ON CONFLICT DO NOTHING`

const registerSQL = `-- tagexec: register executor
INSERT INTO tagexec.tag_executors (id, hostname, pid, version, workers, kinds, pools, batch, lease_seconds)
VALUES ($1, $2, $3, $4, $5, $6, $7, nullif($8, ''), $9)`

// Register makes the executor and the kinds it runs known. Its lease begins.
func (s *Store) Register(ctx context.Context, e Executor) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if _, err := s.pulse.Exec(ctx, registerKindsSQL, e.Kinds); err != nil {
		return fmt.Errorf("register kinds: %w", err)
	}
	if _, err := s.pulse.Exec(ctx, registerSQL, e.ID, e.Hostname, e.PID, e.Version, e.Workers, e.Kinds, e.Pools, e.Batch, e.Lease.Seconds()); err != nil {
		return fmt.Errorf("register executor: %w", err)
	}
	return nil
}

// Register does so with the batch that the queue is bound to: what an executor
// will not run reserves nothing on its account.
func (q *Queue) Register(ctx context.Context, e Executor) error {
	e.Batch = q.Batch
	return q.Store.Register(ctx, e)
}

const heartbeatSQL = `-- tagexec: heartbeat
UPDATE tagexec.tag_executors
   SET heartbeat_at = clock_timestamp()
 WHERE id = $1
   AND reaped_at IS NULL`

// Heartbeat renews the lease of everything the executor runs. It returns
// ErrReaped if the lease was found over by another executor.
func (s *Store) Heartbeat(ctx context.Context, id uuid.UUID) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	tag, err := s.pulse.Exec(ctx, heartbeatSQL, id)
	if err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return ErrReaped
	}
	return nil
}

const stopSQL = `-- tagexec: stop executor
UPDATE tagexec.tag_executors
   SET stopped_at = clock_timestamp()
 WHERE id = $1
   AND reaped_at IS NULL`

// Stop notes that the executor ended by itself. Call it after its last job was
// recorded or released.
func (s *Store) Stop(ctx context.Context, id uuid.UUID) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if _, err := s.pulse.Exec(ctx, stopSQL, id); err != nil {
		return fmt.Errorf("stop executor: %w", err)
	}
	return nil
}
