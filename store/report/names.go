package report

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// maxNames is how many names are proposed to somebody who types one.
const maxNames = 50

type name struct{ Name string }

func (r *Reader) names(ctx context.Context, sql, prefix string) ([]string, error) {
	rows, err := ask[name](ctx, r, "look for names", analyst, sql, pgx.StrictNamedArgs{"prefix": prefix, "limit": maxNames})
	list := make([]string, len(rows))
	for i, row := range rows {
		list[i] = row.Name
	}
	return list, err
}

const batchNamesSQL = `-- tagexec: complete batch
SELECT w.batch AS name
  FROM (SELECT b.batch, b.created_at FROM tagreport.batches b ORDER BY b.created_at DESC, b.batch DESC LIMIT 2000) w
 WHERE starts_with(w.batch, @prefix::text)
 ORDER BY w.created_at DESC, w.batch DESC
 LIMIT @limit::int`

// BatchNames returns names that begin so, of the newest 2,000 batches.
func (r *Reader) BatchNames(ctx context.Context, prefix string) ([]string, error) {
	return r.names(ctx, batchNamesSQL, prefix)
}

const poolNamesSQL = `-- tagexec: complete pool
SELECT p.pool AS name FROM tagreport.pools p WHERE starts_with(p.pool, @prefix::text) ORDER BY 1 LIMIT @limit::int`

// PoolNames returns names of pools that begin so.
func (r *Reader) PoolNames(ctx context.Context, prefix string) ([]string, error) {
	return r.names(ctx, poolNamesSQL, prefix)
}

const kindNamesSQL = `-- tagexec: complete kind
SELECT DISTINCT k.kind AS name
  FROM (SELECT unnest(e.kinds)
          FROM (SELECT x.kinds FROM tagreport.executors x WHERE x.stopped_at IS NULL AND x.reaped_at IS NULL LIMIT 1000) e
        UNION ALL
        SELECT unnest('{sql,command,http}'::text[])) k (kind)
 WHERE starts_with(k.kind, @prefix::text)
 ORDER BY 1
 LIMIT @limit::int`

// KindNames returns names of kinds that begin so.
func (r *Reader) KindNames(ctx context.Context, prefix string) ([]string, error) {
	return r.names(ctx, kindNamesSQL, prefix)
}

const tagNamesSQL = `-- tagexec: complete tag
WITH RECURSIVE names (tag, n) AS (
    (SELECT j.tag, 1 FROM tagreport.jobs j WHERE j.finished_at IS NOT NULL AND j.tag >= @prefix::text ORDER BY j.tag LIMIT 1)
    UNION ALL
    SELECT f.tag, p.n + 1 FROM names p CROSS JOIN LATERAL (
        SELECT j.tag FROM tagreport.jobs j WHERE j.finished_at IS NOT NULL AND j.tag > p.tag ORDER BY j.tag LIMIT 1) f
     WHERE p.n < @limit::int
)
SELECT p.tag AS name FROM names p WHERE starts_with(p.tag, @prefix) ORDER BY 1`

// TagNames returns tags that begin so and of which a job has ended.
func (r *Reader) TagNames(ctx context.Context, prefix string) ([]string, error) {
	return r.names(ctx, tagNamesSQL, prefix)
}
