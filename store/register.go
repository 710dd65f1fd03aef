package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Executor describes one start of an executor process, and which jobs it claims.
type Executor struct {
	Hostname   string
	PID        int
	Version    string
	Workers    int
	Kinds      []string      // kinds it can run
	Pools      []string      // pools it takes jobs from; nil for all
	Batch      string        // only jobs of this batch; "" for all
	Lease      time.Duration // how long it counts as alive without a heartbeat; 0 means DefaultLease
	JobTimeout time.Duration // limit of an attempt whose job sets none; 0 means DefaultJobTimeout
}

const (
	// DefaultLease is how long an executor counts as alive without a heartbeat.
	// The statements take it for the lease of an executor that is unknown.
	DefaultLease = 30 * time.Second
	// DefaultJobTimeout limits an attempt whose job and executor set no limit.
	DefaultJobTimeout = time.Hour
	// KillGrace is how long a runner may take to return after its context ended.
	// An attempt that is past its deadline by KillGrace and a lease is reaped.
	KillGrace = 3 * time.Second
)

const registerKindsSQL = `-- tagexec: register kinds
INSERT INTO tagexec.tag_kinds (kind)
SELECT k
  FROM unnest($1::text[]) k
 ORDER BY k
    ON CONFLICT DO NOTHING`

const registerSQL = `-- tagexec: register executor
INSERT INTO tagexec.tag_executors (id, hostname, pid, version, workers, kinds, pools, batch, lease_seconds)
VALUES ($1, $2, $3, $4, $5, $6, $7, nullif($8, ''), $9)`

// Register makes the executor and the kinds it runs known, under a new id. Its
// lease begins. The id is random, because the host's name or an earlier id
// could belong to an executor that still lives.
func (s *Store) Register(ctx context.Context, e Executor) (Session, error) {
	e.Lease = cmp.Or(e.Lease, DefaultLease)
	e.JobTimeout = cmp.Or(e.JobTimeout, DefaultJobTimeout)
	ctx, cancel := bounded(ctx)
	defer cancel()
	if _, err := s.heartbeatPool.Exec(ctx, registerKindsSQL, e.Kinds); err != nil {
		return nil, fmt.Errorf("register kinds: %w", err)
	}
	id := uuid.New()
	if _, err := s.heartbeatPool.Exec(ctx, registerSQL, id, e.Hostname, e.PID, e.Version, e.Workers, e.Kinds, e.Pools, e.Batch, e.Lease.Seconds()); err != nil {
		return nil, fmt.Errorf("register executor: %w", err)
	}
	return newSession(s, id, e), nil
}

// Alive is the condition that a row e of tag_executors is of an executor that lives:
// it has not ended, and gave a sign within its lease of now, on either side. The
// server's clock may have been set back since, and a dead one must not look alive
// for as long; who lives mends that with the next heartbeat.
const Alive = `e.stopped_at IS NULL AND e.reaped_at IS NULL
       AND e.heartbeat_at BETWEEN now() - make_interval(secs => e.lease_seconds) AND now() + make_interval(secs => e.lease_seconds)`

// Claiming is the condition that a row e of tag_executors is of an executor that takes
// jobs: it lives, and was not asked to end.
const Claiming = Alive + `
       AND e.drain_requested_at IS NULL`

const heartbeatSQL = `-- tagexec: heartbeat
UPDATE tagexec.tag_executors
   SET heartbeat_at = clock_timestamp(),
       unavailable = (SELECT jsonb_agg(jsonb_build_object('kind', u.kind, 'resource', u.resource, 'since', clock_timestamp() - make_interval(secs => u.seconds),
                                                          'error', u.error, 'field', u.field, 'pattern', u.pattern))
                        FROM jsonb_to_recordset($2::text::jsonb) u (kind text, resource text, field text, pattern text, seconds double precision, error text))
 WHERE id = $1
   AND reaped_at IS NULL
RETURNING drain_requested_at IS NOT NULL`

// Heartbeat renews the lease of everything the executor runs. It reports whether the
// executor was asked to claim nothing more and to end when its jobs have. It returns
// ErrReaped if another executor found the lease over.
func (s *session) Heartbeat(ctx context.Context) (drain bool, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	err = s.heartbeatPool.QueryRow(ctx, heartbeatSQL, s.id, s.encoded()).Scan(&drain)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return false, ErrReaped
	case err != nil:
		return false, fmt.Errorf("heartbeat: %w", err)
	}
	return drain, nil
}

const stopSQL = `-- tagexec: stop executor
UPDATE tagexec.tag_executors
   SET stopped_at = clock_timestamp()
 WHERE id = $1
   AND reaped_at IS NULL`

// Stop notes that the executor ended by itself. Call it after its last job was
// recorded or handed back.
func (s *session) Stop(ctx context.Context) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if _, err := s.heartbeatPool.Exec(ctx, stopSQL, s.id); err != nil {
		return fmt.Errorf("stop executor: %w", err)
	}
	return nil
}
