package estimate

import (
	"context"

	"github.com/jackc/pgx/v5"
)

const poolsSQL = `-- tagexec: estimate of batch, pools
SELECT p.pool, coalesce(p.slots, 0), p.paused
  FROM tagreport.pools p`

func (q *Queue) loadPools(ctx context.Context, db Querier, _ limits) error {
	rows, err := db.Query(ctx, poolsSQL)
	if err != nil {
		return err
	}
	q.Pools, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Pool])
	return err
}

// The kinds and the names of what an executor cannot use are parallel arrays.
const executorsSQL = `-- tagexec: estimate of batch, executors
SELECT e.id::text, e.workers, e.kinds, e.pools, coalesce(e.batch, ''), e.drain_requested_at IS NOT NULL,
       ARRAY(SELECT m ->> 'kind'     FROM jsonb_array_elements(e.unavailable) WITH ORDINALITY u (m, n) ORDER BY u.n),
       ARRAY(SELECT m ->> 'resource' FROM jsonb_array_elements(e.unavailable) WITH ORDINALITY u (m, n) ORDER BY u.n)
  FROM tagreport.executors e
 WHERE e.alive
 ORDER BY e.id`

func (q *Queue) loadExecutors(ctx context.Context, db Querier, _ limits) error {
	rows, err := db.Query(ctx, executorsSQL)
	if err != nil {
		return err
	}
	q.Executors, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (e Executor, err error) {
		var kinds, resources []string
		if err := row.Scan(&e.ID, &e.Workers, &e.Kinds, &e.Pools, &e.Batch, &e.Drains, &kinds, &resources); err != nil {
			return e, err
		}
		e.Lacks = map[string]string{}
		for i, kind := range kinds {
			e.Lacks[kind] = resources[i]
		}
		return e, nil
	})
	return err
}
