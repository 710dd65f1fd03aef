package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// QueueNow is what waits and runs in the queue, and what is wrong with it.
type QueueNow struct {
	Pools          []PoolNow // those with most due jobs first, at most MaxPoolsNow
	Alive          int       // executors that claim
	Draining       int       // executors that were asked to end, and have jobs yet
	Silent         int       // executors that have not ended, and gave no sign for their lease
	OverdueBatches int       // of the last seven days and with unfinished jobs, at most 1,000
	SnapshotAge    float64   // seconds of the oldest snapshot that holds back vacuum; 0: none does
}

// PoolNow is one pool. A count of 100,001 stands for more than 100,000.
type PoolNow struct {
	Pool      string
	Pending   int64
	Due       int64    // of the pending ones
	OldestDue *float64 // seconds that the first due job has been due; nil: none is
	Used      int64
	Slots     *int32 // nil: no limit
	Paused    bool
}

// MaxPoolsNow is the most pools that QueueNow tells about.
const MaxPoolsNow = 200

// Seven days bound what is read of tag_batches. OFFSET 0 keeps the probe from becoming a
// join with all that waits.
const queueNowSQL = `-- tagexec: queue now
SELECT q.pool, q.pending, q.due, q.oldest_due_seconds, q.used, q.slots, q.paused,
       e.alive, e.draining, e.silent, b.overdue, v.age_seconds
  FROM (SELECT count(*) FILTER (WHERE s.alive AND s.drain_requested_at IS NULL)     AS alive,
               count(*) FILTER (WHERE s.alive AND s.drain_requested_at IS NOT NULL) AS draining,
               count(*) FILTER (WHERE NOT s.alive)                                  AS silent
          FROM (SELECT e.drain_requested_at, ` + Alive + ` AS alive
                  FROM tagexec.tag_executors e
                 WHERE e.stopped_at IS NULL AND e.reaped_at IS NULL) s) e
 CROSS JOIN (SELECT count(*) AS overdue
               FROM (SELECT
                       FROM tagexec.tag_batches b
                      WHERE b.created_at > now() - interval '7 days'
                        AND b.due_at < now()
                        AND EXISTS (SELECT FROM tagexec.tag_jobs j WHERE j.batch = b.batch AND j.state IN ('pending', 'running') OFFSET 0)
                      LIMIT 1000) o) b
 CROSS JOIN (SELECT coalesce(max(age_seconds), 0) AS age_seconds FROM tagreport.vacuum_blockers) v
 CROSS JOIN tagreport.queue_now q -- which always has the pool default
 ORDER BY q.due DESC, q.pool
 LIMIT @pools`

// QueueNow returns what waits and runs in the queue, by one statement whose cost does
// not grow with the queue or its history. It takes a login that may read the tables.
func (s *Store) QueueNow(ctx context.Context) (QueueNow, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	var (
		now QueueNow
		p   PoolNow
	)
	rows, err := s.pool.Query(ctx, queueNowSQL, pgx.StrictNamedArgs{"pools": MaxPoolsNow})
	if err != nil {
		return now, fmt.Errorf("read what the queue holds: %w", err)
	}
	_, err = pgx.ForEachRow(rows, []any{&p.Pool, &p.Pending, &p.Due, &p.OldestDue, &p.Used, &p.Slots, &p.Paused,
		&now.Alive, &now.Draining, &now.Silent, &now.OverdueBatches, &now.SnapshotAge}, func() error {
		now.Pools = append(now.Pools, p)
		return nil
	})
	if err != nil {
		return now, fmt.Errorf("read what the queue holds: %w", err)
	}
	return now, nil
}
