package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgerrcode"
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
// transaction of its own; when ctx ends, what was deleted so far stays deleted. A
// job that Postgres refuses to delete keeps no other; the error names the first.
// May be called concurrently. Claims never wait for it: they have nothing to do
// with final jobs.
func (s *Store) Prune(ctx context.Context, age time.Duration) (Pruned, error) {
	var pruned Pruned
	refused, err := s.pruneJobs(ctx, age, &pruned.Jobs)
	if err != nil {
		return pruned, fmt.Errorf("prune jobs: %w", err)
	}
	if pruned.Batches, err = s.pruneBatches(ctx, age); err != nil {
		return pruned, fmt.Errorf("prune batches: %w", err)
	}
	return pruned, refused
}

// Jobs are looked through by id, each once: a step that searched from the
// beginning would walk over what the steps before it deleted. Younger jobs have
// higher ids, but for some that were inserted at the same time, or while the
// server's clock was ahead. So the end is reached when a step has no job that is
// old, or of a time that has not come yet, and the jobs that lie 1, 2, 4, … ids
// beyond it are not old either.
const pruneJobsSQL = `-- tagexec: prune jobs
WITH seen AS MATERIALIZED (
    SELECT id, created_at
      FROM tagexec.tag_jobs
     WHERE id > $2
     ORDER BY id
     LIMIT $3
), last (id) AS (
    SELECT max(id) FROM seen
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
SELECT (SELECT count(*) FROM jobs), CASE
       WHEN EXISTS (SELECT FROM seen WHERE created_at <= now() - $1::interval OR created_at > now()) THEN l.id
       WHEN EXISTS (SELECT
                      FROM generate_series(0, 40) distance
                     CROSS JOIN LATERAL (SELECT j.created_at FROM tagexec.tag_jobs j WHERE j.id >= l.id + least(1::bigint << distance, 9223372036854775807 - l.id) ORDER BY j.id LIMIT 1) beyond
                     WHERE beyond.created_at <= now() - $1::interval) THEN l.id
       END
  FROM last l`

const (
	nextJobSQL = `-- tagexec: find next job
SELECT min(id) FROM tagexec.tag_jobs WHERE id > $1`

	// For where that one cannot be read.
	nextIsolatedSQL = `-- tagexec: find next isolated job
SELECT min(job_id) FROM tagexec.tag_unwritable_jobs WHERE job_id > $1`
)

// pruneJobs passes over jobs that Postgres refuses to delete: it halves the steps
// until one fails for a single job. refused names the first.
func (s *Store) pruneJobs(ctx context.Context, age time.Duration, deleted *int64) (refused, err error) {
	step := pruneJobs
	for after := new(int64); after != nil; {
		var n int64
		next := after
		err := s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
			return tx.QueryRow(ctx, pruneJobsSQL, age, *after, step).Scan(&n, &next)
		})
		switch {
		case badRow(err) && step > 1:
			step /= 2
			continue
		case badRow(err):
			findErr := s.pool.QueryRow(ctx, nextJobSQL, *after).Scan(&next)
			if badRow(findErr) {
				findErr = s.pool.QueryRow(ctx, nextIsolatedSQL, *after).Scan(&next)
			}
			if findErr != nil {
				return refused, errors.Join(err, findErr)
			}
			if refused == nil && next != nil {
				refused = fmt.Errorf("prune jobs: job %d cannot be deleted: %w", *next, err)
			}
		case err != nil:
			return refused, err
		}
		after, step = next, min(2*step, pruneJobs)
		*deleted += n
	}
	return refused, nil
}

// Every insert shares this lock from the moment it reads its batches until it
// ends (check_new_jobs). Who holds it alone sees all jobs that name a batch, and
// no more come. Prune waits for it with a short limit, because inserts queue
// behind the wait. Claims do not take it.
const lockInsertsSQL = `-- tagexec: lock inserts
LOCK TABLE tagexec.insert_lock IN EXCLUSIVE MODE`

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
			if _, err := tx.Exec(ctx, lockInsertsSQL); err != nil {
				return err
			}
			tag, err := tx.Exec(ctx, pruneBatchesSQL, age, old)
			deleted += tag.RowsAffected()
			return err
		})
		if code(err) == pgerrcode.LockNotAvailable {
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
	rows, err := s.pool.Query(ctx, oldBatchesSQL, age, after, pruneBatches)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
