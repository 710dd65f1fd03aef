package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// The jobs that are pending, from the beginning and as far as they might be
// taken. All that can run are claimed, or, if that is not for this statement to
// decide, none: when there are more, when there is one of a limited pool, with a
// mutex key or under suspicion. So it knows nothing of lanes, and yet no job
// overtakes one of a higher priority.
const claimFewSQL = `-- tagexec: claim few
WITH head AS MATERIALIZED (
    SELECT q.id, p.slots IS NOT NULL AS limited,
           q.run_at <= now() AND q.kind = ANY ($4::text[]) AND NOT p.paused AND ($5::text[] IS NULL OR q.pool = ANY ($5)) AS runs
      FROM tagexec.tag_jobs q
      JOIN tagexec.tag_pools p ON p.pool = q.pool
     WHERE q.state = 'pending'
       AND q.mutex_key IS NULL
     ORDER BY q.pool, q.priority DESC, q.run_at, q.id
     LIMIT $3::bigint + 1
), few AS MATERIALIZED (
    SELECT count(*) <= $3 AND NOT coalesce(bool_or(limited), false)
           AND NOT EXISTS (SELECT FROM tagexec.tag_jobs WHERE state = 'pending' AND mutex_key IS NOT NULL)
           AND NOT EXISTS (SELECT FROM tagexec.tag_jobs WHERE state = 'pending' AND crashes >= 2) AS "all",
           array_agg(id) FILTER (WHERE runs) AS ids, clock_timestamp() - now() AS took
      FROM head
), claimed AS (` + setClaimed + `
    SELECT q.id
      FROM tagexec.tag_jobs q
     WHERE q.state = 'pending'
       AND q.id = ANY ((SELECT ids FROM few WHERE "all")::bigint[])
       FOR UPDATE SKIP LOCKED` + returnClaimed + `
)
SELECT f."all", f.took, c.*
  FROM few f
  LEFT JOIN claimed c ON true`

// claimFew claims when few jobs are pending, as is the case when an executor was
// idle: in one round trip, and without a survey. It returns whether it has seen
// all there are; what it did not claim of those cannot run now.
func (q *Queue) claimFew(ctx context.Context, executor uuid.UUID, n int) (jobs []Job, all bool, err error) {
	if q.Batch != "" || !q.survey.quiet() {
		return nil, false, nil
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	rows, err := q.db.Query(ctx, claimFewSQL, executor, q.Timeout.Seconds(), n, q.Kinds, q.Pools)
	if err != nil {
		return nil, false, err
	}
	var took time.Duration
	jobs, err = collectClaimed(rows, &all, &took)
	if err != nil {
		return nil, false, err
	}
	if all {
		q.survey.takenAll(jobs, took)
	}
	return jobs, all, nil
}
