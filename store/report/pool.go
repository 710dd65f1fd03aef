package report

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// MaxLane is where the counts of what is due in a pool end, by priority or batch; one
// more stands for more.
const MaxLane = 1_000

// maxKeyed is how many jobs with a mutex key are looked at: their index is by key, and
// not by priority.
const maxKeyed = 5_000

// dueInPool are jobs that are due in a pool: the heads of its lanes.
const dueInPool = `
SELECT l.*
  FROM generate_series(0, 9) n (priority)
 CROSS JOIN LATERAL (
       SELECT j.id, j.priority, j.batch, j.created_at, j.run_at
         FROM tagreport.jobs j
        WHERE j.state = 'pending' AND j.mutex_key IS NULL AND j.pool = @pool::text AND j.priority = n.priority AND j.run_at <= now()
        ORDER BY j.run_at, j.id
        LIMIT @most::int + 1) l
 UNION ALL
(SELECT j.id, j.priority, j.batch, j.created_at, j.run_at
   FROM tagreport.jobs j
  WHERE j.state = 'pending' AND j.mutex_key IS NOT NULL AND j.pool = @pool AND j.run_at <= now()
  LIMIT @keyed::int)`

// Lane is what is due in a pool with one priority: the count ends at MaxLane + 1.
type Lane struct {
	Priority         int     `json:"priority"`
	Due              int     `json:"due"`
	OldestDueSeconds float64 `json:"oldest_due_seconds"`
}

const lanesSQL = `-- tagexec: lanes of a pool
SELECT d.priority, least(count(*), @most + 1)::int AS due,
       greatest(0, extract(epoch FROM now() - min(greatest(d.created_at, d.run_at))))::float8 AS oldest_due_seconds
  FROM (` + dueInPool + `) d
 GROUP BY d.priority
 ORDER BY d.priority DESC`

// Lanes returns what is due in a pool by priority, the highest first. Of jobs with a
// mutex key it looks at 5,000.
func (r *Reader) Lanes(ctx context.Context, pool string) ([]Lane, error) {
	return ask[Lane](ctx, r, "list what is due in a pool", analyst, lanesSQL, pgx.StrictNamedArgs{"pool": pool, "most": MaxLane, "keyed": maxKeyed})
}

// BatchInPool is a batch of which jobs are due in a pool.
type BatchInPool struct {
	Batch string `json:"batch"`
	Due   int    `json:"due"`
}

const batchesInPoolSQL = `-- tagexec: batches that wait for a pool
SELECT d.batch, least(count(*), @most + 1)::int AS due
  FROM (` + dueInPool + `) d
 WHERE d.batch IS NOT NULL
 GROUP BY d.batch
 ORDER BY max(d.priority) DESC, min(d.run_at), d.batch
 LIMIT @limit::int`

// BatchesInPool returns up to limit batches that wait for a pool, those first whose turn
// comes first, among the jobs that Lanes counts.
func (r *Reader) BatchesInPool(ctx context.Context, pool string, limit int) ([]BatchInPool, error) {
	return ask[BatchInPool](ctx, r, "list batches that wait for a pool", analyst, batchesInPoolSQL, pgx.StrictNamedArgs{"pool": pool, "most": MaxLane, "keyed": maxKeyed, "limit": limit})
}
