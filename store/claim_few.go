package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// It reads the pending jobs without a mutex key, of all lanes, and if there are
// no more than it may take, it takes those that can run. It takes none when there
// are more, or one of a limited pool, with a mutex key or under suspicion: which
// goes first is then for others to decide. The order of the look for a mutex key
// and a suspect keeps the planner from any other than their partial index. A job
// that has changed since the statement began is looked at once more.
const claimFewSQL = `-- tagexec: claim few
WITH head AS MATERIALIZED (
    SELECT q.id, q.pool, p.slots IS NOT NULL AS limited,
           q.run_at <= now() AND q.kind = ANY ($4::text[]) AND NOT p.paused AND ($5::text[] IS NULL OR q.pool = ANY ($5)) AS runs
      FROM tagexec.tag_jobs q
      JOIN tagexec.tag_pools p ON p.pool = q.pool
     WHERE q.state = 'pending'
       AND q.mutex_key IS NULL
     ORDER BY q.pool, q.priority DESC, q.run_at, q.id
     LIMIT $3::bigint + 1
), few AS MATERIALIZED (
    SELECT count(*) <= $3 AND NOT coalesce(bool_or(limited), false)
           AND (SELECT true FROM tagexec.tag_jobs WHERE state = 'pending' AND mutex_key IS NOT NULL ORDER BY pool LIMIT 1) IS NULL
           AND (SELECT true FROM tagexec.tag_jobs WHERE state = 'pending' AND crashes >= 2 ORDER BY run_at LIMIT 1) IS NULL AS "all",
           array_agg(id) FILTER (WHERE runs) AS ids, array_agg(pool) FILTER (WHERE runs) AS pools, clock_timestamp() - now() AS took
      FROM head
), claimed AS (` + setClaimed + `
    SELECT q.id
      FROM tagexec.tag_jobs q
     WHERE q.state = 'pending'
       AND q.id = ANY ((SELECT ids FROM few WHERE "all")::bigint[])
       AND q.mutex_key IS NULL
       AND q.pool = ANY ((SELECT pools FROM few)::text[])
       AND q.run_at <= now()
       AND q.kind = ANY ($4::text[])
       AND q.crashes < 2
       FOR UPDATE SKIP LOCKED` + returnClaimed + `
)
SELECT f."all", f.took, c.*
  FROM few f
  LEFT JOIN claimed c ON true`

// claimFew claims when few jobs are pending, as is the case when an executor was
// idle: in one round trip, and without a survey. It returns whether it has seen
// all there are; what it did not claim of those cannot run now, or is being
// claimed by others. When it has not, it is not tried again for a while.
func (q *Queue) claimFew(ctx context.Context, executor uuid.UUID, n int) (jobs []Job, all bool, err error) {
	if q.Batch != "" || !q.survey.quiet() {
		return nil, false, nil
	}
	q.survey.crowded = time.Now() // until the answer says otherwise
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
