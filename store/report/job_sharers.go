package report

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Sharer is a job that waits for a mutex key or holds it.
type Sharer struct {
	ID       int64
	Tag      string
	State    string
	Pool     string
	Priority int
}

// The first condition is that of the index which guarantees one running job a key.
const sharersSQL = `-- tagexec: list jobs of a mutex key
WITH RECURSIVE keyed (pool) AS (
    (SELECT j.pool FROM tagreport.jobs j WHERE j.state = 'pending' AND j.mutex_key IS NOT NULL ORDER BY j.pool LIMIT 1)
    UNION ALL
    SELECT n.pool FROM keyed k CROSS JOIN LATERAL (
        SELECT j.pool FROM tagreport.jobs j WHERE j.state = 'pending' AND j.mutex_key IS NOT NULL AND j.pool > k.pool ORDER BY j.pool LIMIT 1) n
)
SELECT s.id, s.tag, s.state, s.pool, s.priority
  FROM (SELECT j.id, j.tag, j.state, j.pool, j.priority, j.run_at FROM tagreport.jobs j WHERE j.state || '' = 'running' AND j.mutex_key = @key::text
        UNION ALL
        SELECT w.*
          FROM keyed p
         CROSS JOIN LATERAL (SELECT j.id, j.tag, j.state, j.pool, j.priority, j.run_at FROM tagreport.jobs j
                              WHERE j.state = 'pending' AND j.pool = p.pool AND j.mutex_key = @key
                              ORDER BY j.priority DESC, j.run_at, j.id LIMIT @limit::int) w) s
 ORDER BY s.state DESC, s.priority DESC, s.run_at, s.id
 LIMIT @limit`

// Sharers returns up to limit jobs that run or wait with a mutex key: the one that runs,
// then those that wait, in the order in which they are claimed.
func (r *Reader) Sharers(ctx context.Context, key string, limit int) ([]Sharer, error) {
	return ask[Sharer](ctx, r, "list jobs of a mutex key", analyst, sharersSQL, pgx.StrictNamedArgs{"key": key, "limit": limit})
}
