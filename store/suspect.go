package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Suspects tells whether there were suspects that are due when the survey was
// made last. A suspect is a job that took down two executors, maybe by chance,
// being beside another. Claim leaves it out; it is claimed by itself, to run
// alone, and fails at the crash limit. Call it from the goroutine that calls Claim.
func (q *Queue) Suspects() bool { return q.survey.suspects }

const findSuspectsSQL = `-- tagexec: find suspects
SELECT id, pool
  FROM tagexec.tag_jobs
 WHERE state = 'pending'
   AND crashes >= 2
   AND run_at <= now()
   AND kind = ANY ($1::text[])
   AND ($2::text[] IS NULL OR pool = ANY ($2))
   AND ($3 = '' OR batch = $3)
 ORDER BY run_at, id
 LIMIT 20`

const claimSuspectSQL = `-- tagexec: claim suspect` + setClaimed + `
    SELECT q.id
      FROM tagexec.tag_jobs q
      JOIN tagexec.tag_pools p ON p.pool = q.pool AND NOT p.paused
     WHERE q.id = $3
       AND q.state = 'pending'
       AND q.kind = ANY ($4::text[])
       AND (p.slots IS NULL OR q.slots <= p.slots - coalesce((SELECT sum(r.slots) FROM tagexec.tag_jobs r
                                                               WHERE r.state = 'running' AND r.pool = q.pool), 0))
       AND NOT EXISTS (SELECT FROM tagexec.tag_jobs r WHERE r.state || '' = 'running' AND r.mutex_key = q.mutex_key)
       AND CASE WHEN q.mutex_key IS NULL THEN true ELSE pg_try_advisory_xact_lock(hashtextextended('tagexec mutex ' || q.mutex_key, 0::bigint)) END
       FOR UPDATE OF q SKIP LOCKED` + returnClaimed

// ClaimSuspect claims one suspect whose pool and mutex key let it run, if there
// is one. Call it from the goroutine that calls Claim.
func (q *Queue) ClaimSuspect(ctx context.Context, executor uuid.UUID) ([]Job, error) {
	q.survey.suspects = false // until the next look
	jobs, err := q.claimSuspect(ctx, executor)
	if err != nil {
		return nil, fmt.Errorf("claim a suspect: %w", err)
	}
	return jobs, nil
}

func (q *Queue) claimSuspect(ctx context.Context, executor uuid.UUID) ([]Job, error) {
	type candidate struct {
		ID   int64
		Pool string
	}
	bound, cancel := bounded(ctx)
	defer cancel()
	rows, err := q.db.Query(bound, findSuspectsSQL, q.Kinds, q.Pools, q.Batch)
	if err != nil {
		return nil, err
	}
	candidates, err := pgx.CollectRows(rows, pgx.RowToStructByPos[candidate])
	if err != nil {
		return nil, err
	}
	for _, c := range candidates {
		var jobs []Job
		err := q.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
			// The lock of its pool, also where it has no limit: one may be set just now.
			var locked bool
			if err := tx.QueryRow(ctx, lockPoolSQL, c.Pool).Scan(&locked, nil); err != nil || !locked {
				return err
			}
			rows, err := tx.Query(ctx, claimSuspectSQL, executor, q.Timeout.Seconds(), c.ID, q.Kinds)
			if err != nil {
				return err
			}
			jobs, err = pgx.CollectRows(rows, scanJob)
			return err
		})
		if err != nil && code(err) != "23505" || len(jobs) > 0 {
			return jobs, err
		}
	}
	return nil, nil
}
