package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// reservation is the first due job of a limited pool that claims of this queue
// do not see by themselves: it keeps its slots, so that nothing overtakes it.
// Like the survey it is a hint that lives in memory, renewed every
// surveyInterval and when its job no longer waits, as often as looking is
// cheap; a claim asks of its row whether it still stands. So a job that comes
// to wait is overtaken for at most surveyMax, and normally surveyInterval.
type reservation struct {
	job  *int64
	gone bool // the last claim saw that the job waits no more
	look look
}

// Claims see by themselves the jobs without a mutex key that this executor can
// run, and those of the next keysSeen keys. What they do not see are the jobs
// that only other executors run, now alive and not bound to another pool or
// batch, and the keys that have their turn later. One job is enough: once it
// has begun, the next one is the first. It reserves however busy those who can
// run it are; more than its own slots are never kept idle for them.
//
// Lanes are looked through one after another, so that what is not due is left
// out. Both IN are hashed: a probe for each of a million rows would take longer
// than reading them.
const (
	reservingSQL = `-- tagexec: find reserving job
WITH pool AS MATERIALIZED (
    SELECT p.slots
      FROM tagexec.tag_pools p
     WHERE p.pool = $4
), others AS MATERIALIZED (
    SELECT DISTINCT k.kind, e.batch
      FROM tagexec.tag_executors e
     CROSS JOIN unnest(e.kinds) k (kind)
     WHERE e.stopped_at IS NULL
       AND e.reaped_at IS NULL
       AND e.heartbeat_at >= now() - make_interval(secs => e.lease_seconds)
       AND e.id <> $1
       AND (e.pools IS NULL OR $4 = ANY (e.pools))
       AND (k.kind <> ALL ($2::text[]) OR $3::text <> '' AND e.batch IS DISTINCT FROM $3)
)
SELECT (SELECT c.id
  FROM ((SELECT j.*
           FROM generate_series(9, 0, -1) l (priority)
          CROSS JOIN LATERAL (
                SELECT q.id, q.priority, q.run_at
                  FROM tagexec.tag_jobs q
                 WHERE q.mutex_key IS NULL
                   AND q.priority = l.priority` + reservingDue + `
                   AND NOT ` + reservingMine + `
                   AND ` + reservingOthers + `
                 ORDER BY q.run_at, q.id
                 LIMIT 1) j
          WHERE EXISTS (SELECT FROM others)
          LIMIT 1)
        UNION ALL
        (SELECT q.id, q.priority, q.run_at
           FROM tagexec.tag_jobs q
          WHERE q.mutex_key IS NOT NULL
            AND q.mutex_key NOT IN (SELECT r.mutex_key FROM tagexec.tag_jobs r WHERE r.state || '' = 'running' AND r.mutex_key IS NOT NULL)` + reservingDue + `
            AND (` + reservingMine + ` OR ` + reservingOthers + `)
          ORDER BY q.priority DESC, q.run_at, q.id
          LIMIT 1)) c
 ORDER BY c.priority DESC, c.run_at, c.id
 LIMIT 1)`

	reservingDue = `
                   AND q.state = 'pending'
                   AND q.pool = $4
                   AND q.run_at <= now()
                   AND q.crashes < 2
                   AND q.slots <= (SELECT slots FROM pool)`
	reservingMine   = `(q.kind = ANY ($2::text[]) AND ($3::text = '' OR q.batch IS NOT DISTINCT FROM $3))`
	reservingOthers = `(q.kind IN (SELECT kind FROM others WHERE batch IS NULL) OR (q.kind, q.batch) IN (SELECT kind, batch FROM others WHERE batch IS NOT NULL))`
)

// reserving returns the reservation of a limited pool, looked for anew if due.
func (q *Queue) reserving(ctx context.Context, executor uuid.UUID, pool string) (reservation, error) {
	r := q.reservations[pool]
	if !r.look.paid() || !r.gone && time.Since(r.look.at) < surveyInterval {
		return r, nil
	}
	began := time.Now()
	err := q.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, reservingSQL, executor, q.Kinds, q.Batch, pool).Scan(&r.job)
	})
	tooSlow := code(err) == "57014" || errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
	if err != nil && !tooSlow { // that it takes too long keeps nobody from claiming
		return r, fmt.Errorf("find the reserving job: %w", err)
	}
	r.gone, r.look = false, look{time.Now(), time.Since(began)}
	q.reservations[pool] = r
	return r, nil
}
