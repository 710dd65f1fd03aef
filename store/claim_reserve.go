package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
)

// reservation is the first due job of a limited pool that claims of this
// session do not see by themselves: it keeps its slots, so that nothing
// overtakes it. It is a hint in memory, renewed every scanInterval and when its
// job no longer waits, as often as looking is cheap; each claim reads whether it
// still stands. So a job that comes to wait is overtaken for at most scanMax,
// and normally scanInterval.
type reservation struct {
	job  *int64
	gone bool // the last claim saw that the job waits no more
	scan scan // when it was looked for
}

// Claims see by themselves the jobs without a mutex key that this executor can
// run, and those of the next keysSeen keys. They do not see the jobs that only
// other executors run, now alive and not bound to another pool or batch, and the
// keys whose turn comes later. One job is enough: once it has begun, the next one
// is the first. It reserves even if every executor that could run it is busy.
// Never more than its own slots stay idle. A job that needs what is unavailable
// here does not reserve here, nor does one of a kind of which another executor
// lacks something reserve for that: nobody may be able to run it.
//
// Lanes are read one after another, so that what is not due is left out. Both IN
// are hashed: a probe for each of a million rows would take longer than reading
// them.
const findReservingSQL = `-- tagexec: find reserving job
WITH others AS MATERIALIZED (
    SELECT DISTINCT k.kind, e.batch
      FROM tagexec.tag_executors e
     CROSS JOIN unnest(e.kinds) k (kind)
     WHERE ` + Claiming + `
       AND e.id <> @executor
       AND (e.pools IS NULL OR @pool = ANY (e.pools))
       AND (k.kind <> ALL (@kinds::text[]) OR @batch::text <> '' AND e.batch IS DISTINCT FROM @batch)
       AND NOT EXISTS (SELECT FROM jsonb_array_elements(e.unavailable) m WHERE m ->> 'kind' = k.kind)
)
SELECT (SELECT c.id
  FROM ((SELECT j.*
           FROM generate_series(9, 0, -1) l (priority)
          CROSS JOIN LATERAL (
                SELECT q.id, q.priority, q.run_at
                  FROM tagexec.tag_jobs q
                 WHERE q.mutex_key IS NULL AND q.priority = l.priority AND ` + reservingWaits + ` AND NOT ` + reservingMine + ` AND ` + reservingOthers + `
                 ORDER BY q.run_at, q.id
                 LIMIT 1) j
          WHERE EXISTS (SELECT FROM others)
          LIMIT 1)
        UNION ALL
        (SELECT q.id, q.priority, q.run_at
           FROM tagexec.tag_jobs q
          WHERE CASE WHEN ` + writable + ` THEN q.mutex_key NOT IN (SELECT r.mutex_key FROM tagexec.tag_jobs r WHERE r.state || '' = 'running' AND r.mutex_key IS NOT NULL) END
            AND q.mutex_key IS NOT NULL AND ` + reservingWaits + ` AND (` + reservingMine + ` OR ` + reservingOthers + `)
          ORDER BY ` + inOrder + `
          LIMIT 1)) c
 ORDER BY c.priority DESC, c.run_at, c.id
 LIMIT 1)`

const (
	reservingWaits  = `q.pool = @pool AND q.slots <= (SELECT p.slots FROM tagexec.tag_pools p WHERE p.pool = @pool) AND ` + waiting + ` AND ` + available
	reservingMine   = `(q.kind = ANY (@kinds::text[]) AND (@batch::text = '' OR q.batch IS NOT DISTINCT FROM @batch))`
	reservingOthers = `(q.kind IN (SELECT kind FROM others WHERE batch IS NULL) OR (q.kind, q.batch) IN (SELECT kind, batch FROM others WHERE batch IS NOT NULL))`
)

// reserving returns the reservation of a limited pool, looked for anew if due.
func (s *session) reserving(ctx context.Context, pool string) (reservation, error) {
	if s.around.Load() {
		return reservation{}, nil // looking for one would read the damaged page
	}
	r := s.reservations[pool]
	if !r.scan.paid() || !r.gone && time.Since(r.scan.at) < scanInterval {
		return r, nil
	}
	began := time.Now()
	err := s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, findReservingSQL, pgx.StrictNamedArgs{
			"executor": s.id, "kinds": s.Kinds, "unavailable": s.leaveOut(), "batch": s.Batch, "pool": pool,
		}).Scan(&r.job)
	})
	tooSlow := code(err) == pgerrcode.QueryCanceled || errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
	if err != nil && !tooSlow { // that it takes too long keeps nobody from claiming
		return r, fmt.Errorf("find the reserving job: %w", err)
	}
	r.gone, r.scan = false, scan{time.Now(), time.Since(began)}
	s.reservations[pool] = r
	return r, nil
}
