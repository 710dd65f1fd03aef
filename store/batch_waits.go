package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const waitsSQL = `-- tagexec: batch waits
SELECT w.kind, w.pool, w.paused, w.too_wide, w.jobs,
       EXISTS (SELECT FROM tagexec.tag_executors e
                WHERE ` + Claiming + `
                  AND w.kind = ANY (e.kinds)
                  AND (e.pools IS NULL OR w.pool = ANY (e.pools))
                  AND (e.batch IS NULL OR e.batch = @batch::text)) AS elsewhere
  FROM (SELECT j.kind, j.pool, p.paused, coalesce(j.slots > p.slots, false) AS too_wide, count(*)::int AS jobs
          FROM tagexec.tag_jobs j
          JOIN tagexec.tag_pools p ON p.pool = j.pool
         WHERE j.batch = @batch::text
           AND j.state = 'pending'
           AND (p.paused OR j.slots > p.slots OR NOT j.kind = ANY (@kinds::text[]) OR NOT j.pool = ANY (@pools::text[]))
         GROUP BY 1, 2, 3, 4) w
 ORDER BY w.jobs DESC, w.kind, w.pool
 LIMIT 10`

// Wait is why some pending jobs of a batch cannot run on a certain executor.
type Wait struct {
	Kind, Pool string
	Paused     bool // the pool is
	TooWide    bool // they ask for more slots than the pool has
	Jobs       int
	Elsewhere  bool // a live executor takes jobs of this kind and pool
}

// BatchWaits returns which pending jobs of a batch cannot run on an executor of
// these kinds and pools (no pools: all) as things are, by cause, the most jobs
// first. Without kinds it returns all pending jobs.
func (s *Store) BatchWaits(ctx context.Context, batch string, kinds, pools []string) ([]Wait, error) {
	if len(pools) == 0 {
		pools = nil // NULL: then no pool is left out
	}
	if kinds == nil {
		kinds = []string{}
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	rows, err := s.pool.Query(ctx, waitsSQL, pgx.StrictNamedArgs{"batch": batch, "kinds": kinds, "pools": pools})
	if err != nil {
		return nil, fmt.Errorf("look why jobs of batch %q wait: %w", batch, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Wait])
	if err != nil {
		return nil, fmt.Errorf("look why jobs of batch %q wait: %w", batch, err)
	}
	return list, nil
}

// At most a thousand jobs of a resource are counted: their payloads are read.
const lacksSQL = `-- tagexec: batch lacks
SELECT u.resource, n.jobs
  FROM jsonb_to_recordset(@unavailable::text::jsonb) u (kind text, resource text, field text, pattern text)
 CROSS JOIN LATERAL (
       SELECT count(*)::int AS jobs
         FROM (SELECT
                 FROM tagexec.tag_jobs q
                WHERE q.batch = @batch::text
                  AND q.state = 'pending'
                  AND q.kind = u.kind
                  AND ` + needed + `
                LIMIT 1000) found) n
 WHERE n.jobs > 0`

// BatchLacks returns how many pending jobs of a batch need each of what is
// unavailable, by the resource's name; 1000 stands for at least so many.
func (s *Store) BatchLacks(ctx context.Context, batch string, list []Unavailable) (map[string]int, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	rows, err := s.pool.Query(ctx, lacksSQL, pgx.StrictNamedArgs{"batch": batch, "unavailable": (&unavailable{list: list}).encode()})
	if err != nil {
		return nil, fmt.Errorf("look what jobs of batch %q lack: %w", batch, err)
	}
	var (
		lacks = map[string]int{}
		name  string
		jobs  int
	)
	if _, err = pgx.ForEachRow(rows, []any{&name, &jobs}, func() error { lacks[name] = jobs; return nil }); err != nil {
		return nil, fmt.Errorf("look what jobs of batch %q lack: %w", batch, err)
	}
	return lacks, nil
}
