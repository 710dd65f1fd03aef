package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// claimBatch: the jobs of one batch in unlimited pools, in order; of each
// mutex key the first that can run, under the lock that lockHeads explains.
const (
	claimBatchSQL = `-- tagexec: claim batch` + setClaimed + `
    SELECT q.id
      FROM tagexec.tag_jobs q
      JOIN tagexec.tag_pools p ON p.pool = q.pool AND p.slots IS NULL AND NOT p.paused
     WHERE q.batch = $5
       AND q.state = 'pending'
       AND q.mutex_key IS NULL
       AND q.run_at <= now()
       AND q.kind = ANY ($4::text[])
       AND q.crashes < 2
       AND ($6::text[] IS NULL OR q.pool = ANY ($6))
     ORDER BY q.priority DESC, q.run_at, q.id
     LIMIT $3
       FOR UPDATE OF q SKIP LOCKED` + returnClaimed

	claimBatchKeyedSQL = `-- tagexec: claim batch keyed` + setClaimed + `
    SELECT l.id
      FROM (SELECT c.id, c.mutex_key
              FROM (SELECT DISTINCT ON (q.mutex_key) q.id, q.mutex_key, q.priority, q.run_at
                      FROM tagexec.tag_jobs q
                      JOIN tagexec.tag_pools p ON p.pool = q.pool AND p.slots IS NULL AND NOT p.paused
                     WHERE q.batch = $5
                       AND q.state = 'pending'
                       AND q.mutex_key IS NOT NULL
                       AND q.run_at <= now()
                       AND q.kind = ANY ($4::text[])
                       AND q.crashes < 2
                       AND ($6::text[] IS NULL OR q.pool = ANY ($6))
                       AND NOT EXISTS (SELECT FROM tagexec.tag_jobs r WHERE r.state || '' = 'running' AND r.mutex_key = q.mutex_key OFFSET 0)
                     ORDER BY q.mutex_key, q.priority DESC, q.run_at, q.id) c
             ORDER BY c.priority DESC, c.run_at, c.id` + lockHeads + returnClaimed
)

// claimBatch claims up to n jobs of the queue's batch in unlimited pools.
func (q *Queue) claimBatch(ctx context.Context, executor uuid.UUID, n int) ([]Job, error) {
	claim := func(sql string, n int) ([]Job, error) {
		ctx, cancel := bounded(ctx)
		defer cancel()
		rows, err := q.db.Query(ctx, sql, executor, q.Timeout.Seconds(), n, q.Kinds, q.Batch, q.Pools)
		if err != nil {
			return nil, err
		}
		return pgx.CollectRows(rows, scanJob)
	}
	jobs, err := claim(claimBatchSQL, n)
	if err != nil || len(jobs) == n {
		return jobs, err
	}
	keyed, err := q.claimKeys(n-len(jobs), func(n int) ([]Job, error) { return claim(claimBatchKeyedSQL, n) })
	return append(jobs, keyed...), err
}
