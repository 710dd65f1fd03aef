package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Pruned counts what a prune deleted.
type Pruned struct {
	Jobs int64 `json:"jobs"`
}

// pruneBatch is how many jobs one statement deletes: it must stay short.
const pruneBatch = 2000

// created_at stands beside finished_at because it has the index; a job is
// created before it finishes.
const pruneJobsSQL = `-- tagexec: prune jobs
WITH old AS MATERIALIZED (
    SELECT id
      FROM tagexec.tag_jobs
     WHERE created_at < now() - $1::interval
       AND finished_at < now() - $1::interval
       AND state IN ('succeeded', 'failed', 'cancelled')
     LIMIT $2
       FOR UPDATE SKIP LOCKED
), attempts AS (
    DELETE FROM tagexec.tag_job_attempts
     WHERE job_id = ANY (ARRAY(SELECT id FROM old))
)
DELETE FROM tagexec.tag_jobs
 WHERE id = ANY (ARRAY(SELECT id FROM old))`

// Prune deletes jobs that finished longer than age ago, with their attempts. It
// goes in small steps; when ctx ends, what was deleted so far stays deleted. May
// be called concurrently. Batches stay: an insert under way may name one that
// has no jobs just now.
func (s *Store) Prune(ctx context.Context, age time.Duration) (Pruned, error) {
	var pruned Pruned
	for {
		n, err := s.pruneStep(ctx, pruneJobsSQL, age, pruneBatch)
		pruned.Jobs += n
		if err != nil {
			return pruned, fmt.Errorf("prune jobs: %w", err)
		}
		if n < pruneBatch {
			break
		}
	}
	return pruned, nil
}

func (s *Store) pruneStep(ctx context.Context, sql string, args ...any) (deleted int64, err error) {
	err = s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sql, args...)
		deleted = tag.RowsAffected()
		return err
	})
	return deleted, err
}
