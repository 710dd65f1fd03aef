package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// The lock of a limited pool, and the server's clock while it is held. It is a
// statement of its own because the one that counts must have a snapshot newer
// than the lock; in one statement the limit was seen exceeded. It does not
// wait: who holds it claims from the pool just now.
const lockPoolSQL = `-- tagexec: lock pool
SELECT pg_try_advisory_xact_lock(hashtextextended('tagexec pool ' || $1, 0::bigint)), clock_timestamp()`

// What is counted are the running jobs whose claims lie in one of two windows
// of time: from $6 on, and from $9 to $10 (see count). One look at them serves
// both the sum and the next windows.
//
// The candidates are all jobs of the pool in order, keyed or not. The running
// sum of their slots ends at the first that does not fit: nothing behind it
// overtakes, so a wide job is not starved. The job that reserves ($7) is in the
// sum though it may be another executor's, unless its key has a head before it
// among the candidates. Wider than the whole pool, or with a busy key, a job is
// not. No job is locked that is not taken, as nobody else claims from the pool
// meanwhile; one that another session holds is left out.
const (
	limitedPool = `
WITH RECURSIVE pool AS MATERIALIZED (
    SELECT p.slots, p.slots - r.used AS free, r.oldest, p.xmin::text AS version
      FROM tagexec.tag_pools p
     CROSS JOIN (
           SELECT coalesce(sum(w.slots), 0) AS used, least(min(w.started_at), statement_timestamp()) AS oldest
             FROM (SELECT slots, started_at FROM tagexec.tag_jobs
                    WHERE state = 'running' AND pool = $5 AND started_at >= $6
                   UNION ALL
                   SELECT slots, started_at FROM tagexec.tag_jobs
                    WHERE state = 'running' AND pool = $5 AND started_at >= $9 AND started_at < $10) w) r
     WHERE p.pool = $5
       AND p.slots IS NOT NULL
       AND NOT p.paused
), reserving AS MATERIALIZED (
    SELECT q.id, q.slots, q.priority, q.run_at, q.mutex_key, q.kind = ANY ($4::text[]) AND ($8::text = '' OR q.batch IS NOT DISTINCT FROM $8) AS mine
      FROM pool p
      JOIN tagexec.tag_jobs q ON q.slots <= p.slots
     WHERE q.id = $7
       AND q.state = 'pending'
       AND q.pool = $5
       AND q.run_at <= now()
       AND q.crashes < 2
       AND NOT EXISTS (SELECT FROM tagexec.tag_jobs r WHERE r.state || '' = 'running' AND r.mutex_key = q.mutex_key OFFSET 0)
), `
	limitedClaim = `, queue AS (
    SELECT c.id, c.mine, sum(c.slots) OVER (ORDER BY c.priority DESC, c.run_at, c.id) AS needed
      FROM (SELECT id, slots, priority, run_at, true AS mine FROM candidates
             UNION
            SELECT r.id, r.slots, r.priority, r.run_at, r.mine FROM reserving r
             WHERE NOT EXISTS (SELECT FROM candidates c
                                WHERE c.mutex_key = r.mutex_key
                                  AND (-c.priority, c.run_at, c.id) < (-r.priority, r.run_at, r.id))) c
), claimed AS (` + setClaimed + `
    SELECT q.id
      FROM tagexec.tag_jobs q
     WHERE q.state = 'pending'
       AND q.id = ANY (ARRAY(SELECT u.id FROM queue u, pool p WHERE u.mine AND u.needed <= p.free ORDER BY u.needed LIMIT $3))
       AND CASE WHEN q.mutex_key IS NULL THEN true ELSE pg_try_advisory_xact_lock(hashtextextended('tagexec mutex ' || q.mutex_key, 0::bigint)) END
     ORDER BY q.id
       FOR UPDATE SKIP LOCKED` + returnClaimed + `
)
SELECT p.oldest, p.version, clock_timestamp(), $7::bigint IS NOT NULL AND NOT EXISTS (SELECT id FROM reserving EXCEPT SELECT id FROM claimed), `
	limitedReturn = `, c.*
  FROM pool p
  LEFT JOIN claimed c ON true`
)

// The keys go round as in claimKeyed, except that while nothing fits the place
// is kept, so that a wide job's turn is not passed over.
const claimLimitedSQL = `-- tagexec: claim limited` + limitedPool + `keys AS (
    (SELECT mutex_key, id, slots, priority, run_at, kind, crashes
       FROM tagexec.tag_jobs
      WHERE $14 AND (SELECT free > 0 FROM pool)
        AND state = 'pending' AND mutex_key IS NOT NULL AND pool = $5 AND mutex_key > $15
      ORDER BY mutex_key, priority DESC, run_at, id
      LIMIT 1)
    UNION ALL
    SELECT n.*
      FROM keys k
     CROSS JOIN LATERAL (
           SELECT mutex_key, id, slots, priority, run_at, kind, crashes
             FROM tagexec.tag_jobs
            WHERE state = 'pending' AND mutex_key IS NOT NULL AND pool = $5 AND mutex_key > k.mutex_key
            ORDER BY mutex_key, priority DESC, run_at, id
            LIMIT 1) n
), seen AS MATERIALIZED (
    SELECT * FROM keys LIMIT $16
), candidates AS MATERIALIZED (
    SELECT j.id, j.slots, j.priority, j.run_at, NULL AS mutex_key
      FROM pool p
     CROSS JOIN unnest($11::smallint[], $12::timestamptz[], $13::bigint[]) l (priority, after_run_at, after_id)
     CROSS JOIN LATERAL (
           SELECT q.id, q.slots, q.priority, q.run_at
             FROM tagexec.tag_jobs q
            WHERE q.state = 'pending'
              AND q.mutex_key IS NULL
              AND q.pool = $5
              AND q.priority = l.priority
              AND q.run_at <= now()
              AND (q.run_at, q.id) > (l.after_run_at, l.after_id)
              AND q.kind = ANY ($4::text[])
              AND q.crashes < 2
              AND q.slots <= p.slots
            ORDER BY q.run_at, q.id
            LIMIT greatest(least($3::bigint, p.free), 0)) j
    UNION ALL
    SELECT j.id, j.slots, j.priority, j.run_at, k.mutex_key
      FROM pool p
     CROSS JOIN seen k
     CROSS JOIN LATERAL (
           SELECT k.id, k.slots, k.priority, k.run_at
            WHERE k.run_at <= now()
              AND k.kind = ANY ($4::text[])
              AND k.crashes < 2
              AND k.slots <= p.slots
           UNION ALL
          (SELECT q.id, q.slots, q.priority, q.run_at
             FROM tagexec.tag_jobs q
            WHERE q.state = 'pending'
              AND q.pool = $5
              AND q.mutex_key = k.mutex_key
              AND q.run_at <= now()
              AND q.kind = ANY ($4::text[])
              AND q.crashes < 2
              AND q.slots <= p.slots
            ORDER BY q.priority DESC, q.run_at, q.id
            LIMIT 1)
           LIMIT 1) j
     WHERE NOT EXISTS (SELECT FROM tagexec.tag_jobs r WHERE r.state || '' = 'running' AND r.mutex_key = k.mutex_key OFFSET 0)
)` + limitedClaim + `CASE WHEN p.free <= 0 OR EXISTS (SELECT FROM candidates) AND NOT EXISTS (SELECT FROM claimed) THEN $15
            ELSE (SELECT max(mutex_key) FROM seen HAVING count(*) = $16) END` + limitedReturn

const claimLimitedBatchSQL = `-- tagexec: claim limited batch` + limitedPool + `candidates AS MATERIALIZED (
    (SELECT q.id, q.slots, q.priority, q.run_at, q.mutex_key
       FROM pool p
       JOIN tagexec.tag_jobs q ON q.slots <= p.slots
      WHERE q.mutex_key IS NULL` + limitedBatchDue + `
      ORDER BY q.priority DESC, q.run_at, q.id
      LIMIT (SELECT greatest(least($3::bigint, free), 0) FROM pool))
    UNION ALL
    (SELECT DISTINCT ON (q.mutex_key) q.id, q.slots, q.priority, q.run_at, q.mutex_key
       FROM pool p
       JOIN tagexec.tag_jobs q ON q.slots <= p.slots
      WHERE q.mutex_key IS NOT NULL` + limitedBatchDue + `
        AND NOT EXISTS (SELECT FROM tagexec.tag_jobs r WHERE r.state || '' = 'running' AND r.mutex_key = q.mutex_key OFFSET 0)
      ORDER BY q.mutex_key, q.priority DESC, q.run_at, q.id)
)` + limitedClaim + `NULL::text` + limitedReturn

const limitedBatchDue = `
        AND q.batch = $8
        AND q.state = 'pending'
        AND q.pool = $5
        AND q.run_at <= now()
        AND q.kind = ANY ($4::text[])
        AND q.crashes < 2`

// claimLimited claims up to n jobs of a pool that has a limit of slots.
func (q *Queue) claimLimited(ctx context.Context, executor uuid.UUID, s step, n int) ([]Job, error) {
	_, priorities, runAts, ids := laneArrays(s.lanes)
	jobs, err := q.claimUnderLock(ctx, claimLimitedSQL, executor, s.pool, n, priorities, runAts, ids, s.keyed, q.survey.cursors[s.pool], keysSeen)
	q.survey.taken(s.lanes, jobs, false)
	return jobs, err
}

// claimLimitedBatch does the same for the jobs of one batch.
func (q *Queue) claimLimitedBatch(ctx context.Context, executor uuid.UUID, pool string, n int) ([]Job, error) {
	return q.claimUnderLock(ctx, claimLimitedBatchSQL, executor, pool, n)
}

// claimUnderLock runs one of the two statements above, with its own arguments
// behind the shared ones, while it holds the lock of the pool. If another
// executor holds it, nothing is claimed.
func (q *Queue) claimUnderLock(ctx context.Context, sql string, executor uuid.UUID, pool string, n int, args ...any) (jobs []Job, err error) {
	reserving, err := q.reserving(ctx, executor, pool)
	if err != nil {
		return nil, err
	}
	var (
		after   *string
		counted time.Time
		last    = q.survey.counts[pool]
		now     = count{began: time.Now(), changed: last.changed, whole: last.whole}
	)
	err = q.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		var locked bool
		if err := tx.QueryRow(ctx, lockPoolSQL, pool).Scan(&locked, &now.clock); err != nil || !locked {
			return err
		}
		began := time.Now()
		w, whole := last.next(now.clock, began)
		args = append([]any{executor, q.Timeout.Seconds(), n, q.Kinds, pool, w.since, reserving.job, q.Batch, w.lateSince, w.lateUntil}, args...)
		rows, err := tx.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		jobs, err = collectClaimed(rows, &now.oldest, &now.version, &counted, &reserving.gone, &after)
		if whole {
			now.whole = look{time.Now(), time.Since(began)}
		}
		return err
	})
	if err != nil {
		// Another executor took one of the mutex keys meanwhile; the next round sees it.
		if code(err) == "23505" {
			q.reservations[pool] = reservation{gone: true, look: reserving.look}
			err = nil
		}
		return nil, err
	}
	if !now.oldest.IsZero() {
		if now.version != last.version || now.clock.Before(last.clock) {
			now.changed = counted
		}
		q.survey.counted(pool, now)
		q.survey.turn(pool, after)
		q.reservations[pool] = reserving
	}
	return jobs, nil
}
