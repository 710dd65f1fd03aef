package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Pruned counts what a prune deleted.
type Pruned struct {
	Jobs    int64 `json:"jobs"`
	Batches int64 `json:"batches"`
}

// How much one statement looks at: it must stay short.
const (
	pruneJobs    = 2000
	pruneBatches = 500
)

// Prune deletes jobs that finished longer than age ago, with their attempts, and
// then batches of that age that have no jobs. It goes in small steps, each a
// transaction of its own; when ctx ends, what was deleted so far stays deleted.
// May be called concurrently. Claims never wait for it: they have nothing to do
// with final jobs.
func (s *Store) Prune(ctx context.Context, age time.Duration) (Pruned, error) {
	var (
		pruned Pruned
		err    error
	)
	if pruned.Jobs, err = s.pruneJobs(ctx, age); err != nil {
		return pruned, fmt.Errorf("prune jobs: %w", err)
	}
	if pruned.Batches, err = s.pruneBatches(ctx, age); err != nil {
		return pruned, fmt.Errorf("prune batches: %w", err)
	}
	return pruned, nil
}

// Jobs are looked through by id, each once: a step that searched from the
// beginning would walk over what the steps before it deleted. Younger jobs have
// higher ids, but for some that were inserted at the same time; when none of a
// step is old enough to have been created before $1, the end is reached.
const pruneJobsSQL = `-- tagexec: prune jobs
WITH seen AS MATERIALIZED (
    SELECT id, created_at
      FROM tagexec.tag_jobs
     WHERE id > $2
     ORDER BY id
     LIMIT $3
), old AS MATERIALIZED (
    SELECT id
      FROM tagexec.tag_jobs
     WHERE id = ANY (ARRAY(SELECT id FROM seen WHERE created_at <= now() - $1::interval))
       AND finished_at <= now() - $1::interval
       AND state IN ('succeeded', 'failed', 'cancelled')
     ORDER BY id
       FOR UPDATE SKIP LOCKED
), attempts AS (
    DELETE FROM tagexec.tag_job_attempts
     WHERE job_id = ANY (ARRAY(SELECT id FROM old))
), jobs AS (
    DELETE FROM tagexec.tag_jobs
     WHERE id = ANY (ARRAY(SELECT id FROM old))
 RETURNING id
)
SELECT (SELECT count(*) FROM jobs), (SELECT max(id) FROM seen WHERE EXISTS (SELECT FROM seen WHERE created_at <= now() - $1::interval))`

func (s *Store) pruneJobs(ctx context.Context, age time.Duration) (deleted int64, err error) {
	for after := new(int64); after != nil; {
		var n int64
		err := s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
			return tx.QueryRow(ctx, pruneJobsSQL, age, *after, pruneJobs).Scan(&n, &after)
		})
		if err != nil {
			return deleted, err
		}
		deleted += n
	}
	return deleted, nil
}

// Every insert shares this lock from the moment it looks for its batches until
// it ends (check_new_jobs, from version 9 of the schema on). Who holds it alone
// sees all jobs that name a batch, and no more come. It is waited for with a
// short limit, because inserts queue behind the wait. Claims do not take it.
const lockPruneSQL = `-- tagexec: lock prune
SELECT pg_advisory_xact_lock(hashtextextended('tagexec prune', 0::bigint))
  FROM tagexec.schema_versions
 WHERE version = 9`

// insertsWait is how long an insert may be kept waiting for a prune that waits
// for another insert.
const insertsWait = 100 * time.Millisecond

// A look beforehand spares inserts the lock when there is nothing to prune.
const (
	oldBatchesSQL = `-- tagexec: find old batches
SELECT b.batch` + oldBatches + `
   AND b.batch > $2
 ORDER BY b.batch
 LIMIT $3`

	pruneBatchesSQL = `-- tagexec: prune batches
WITH old AS MATERIALIZED (
    SELECT b.batch` + oldBatches + `
       AND b.batch = ANY ($2)
     ORDER BY b.batch
       FOR UPDATE SKIP LOCKED
)
DELETE FROM tagexec.tag_batches
 WHERE batch = ANY (ARRAY(SELECT batch FROM old))`

	oldBatches = `
  FROM tagexec.tag_batches b
 WHERE greatest(b.created_at, b.due_at) <= now() - $1::interval
   AND NOT EXISTS (SELECT FROM tagexec.tag_jobs j WHERE j.batch = b.batch)`
)

// pruneBatches gives up for this time, without an error, when an insert has been
// under way for so long that waiting for it would keep others waiting.
func (s *Store) pruneBatches(ctx context.Context, age time.Duration) (deleted int64, err error) {
	for after := ""; ; {
		old, err := s.oldBatches(ctx, age, after)
		if err != nil || len(old) == 0 {
			return deleted, err
		}
		after = old[len(old)-1]
		err = s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, fmt.Sprintf("SET LOCAL lock_timeout = %d", insertsWait.Milliseconds())); err != nil {
				return err
			}
			tag, err := tx.Exec(ctx, lockPruneSQL)
			if err != nil || tag.RowsAffected() == 0 { // inserts of an older schema do not share the lock
				return err
			}
			tag, err = tx.Exec(ctx, pruneBatchesSQL, age, old)
			deleted += tag.RowsAffected()
			return err
		})
		if code(err) == "55P03" { // lock_timeout
			return deleted, nil
		}
		if err != nil {
			return deleted, err
		}
	}
}

func (s *Store) oldBatches(ctx context.Context, age time.Duration, after string) ([]string, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	rows, err := s.db.Query(ctx, oldBatchesSQL, age, after, pruneBatches)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
