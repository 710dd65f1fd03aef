package store

import (
	"context"

	"github.com/google/uuid"
)

// A statement looks at keysSeen keys, and a claim at no more than keyRounds
// times as many, so that a million keys that cannot run keep nobody waiting.
const (
	keysSeen  = 500
	keyRounds = 4
)

// lockHeads ends a subquery of the heads of keys. The advisory lock of a key keeps
// two claimers from waiting for each other in the unique index: they would
// deadlock, since each takes the keys in the order of its own jobs. OFFSET 0 lets
// only keys be locked whose head can run.
const lockHeads = `
            OFFSET 0) h
     CROSS JOIN LATERAL (
           SELECT q.id
             FROM tagexec.tag_jobs q
            WHERE q.id = h.id
              AND q.state = 'pending'
              FOR UPDATE SKIP LOCKED) l
     WHERE pg_try_advisory_xact_lock(hashtextextended('tagexec mutex ' || h.mutex_key, 0::bigint))
     LIMIT $3`

// A loose scan over the keys from a cursor on, and of each key that does not
// run the head: what the scan stopped at, or if that cannot run the first that
// can. So priority holds within a key, and between keys it goes
// round: one key with 100,000 jobs keeps nobody waiting. Returned with the
// jobs is where the next claim goes on: behind the last key claimed if there
// may be more, else behind the last key seen; null means at the first key.
//
// OFFSET 0 in NOT EXISTS keeps the probe of the unique index from becoming a join
// with all that runs. The predicate is that index's alone, so no other can be taken.
const claimKeyedSQL = `-- tagexec: claim keyed
WITH RECURSIVE keys AS (
    (SELECT mutex_key, id, kind, run_at, crashes
       FROM tagexec.tag_jobs
      WHERE (SELECT p.slots IS NULL AND NOT p.paused FROM tagexec.tag_pools p WHERE p.pool = $5)
        AND state = 'pending' AND mutex_key IS NOT NULL AND pool = $5 AND mutex_key > $6
      ORDER BY mutex_key, priority DESC, run_at, id
      LIMIT 1)
    UNION ALL
    SELECT n.*
      FROM keys k
     CROSS JOIN LATERAL (
           SELECT mutex_key, id, kind, run_at, crashes
             FROM tagexec.tag_jobs
            WHERE state = 'pending' AND mutex_key IS NOT NULL AND pool = $5 AND mutex_key > k.mutex_key
            ORDER BY mutex_key, priority DESC, run_at, id
            LIMIT 1) n
), seen AS MATERIALIZED (
    SELECT * FROM keys LIMIT $7
), claimed AS (` + setClaimed + `
    SELECT l.id
      FROM (SELECT k.mutex_key, j.id
              FROM seen k
             CROSS JOIN LATERAL (
                   SELECT k.id
                    WHERE k.run_at <= now()
                      AND k.kind = ANY ($4::text[])
                      AND k.crashes < 2
                   UNION ALL
                  (SELECT q.id
                     FROM tagexec.tag_jobs q
                    WHERE q.state = 'pending'
                      AND q.pool = $5
                      AND q.mutex_key = k.mutex_key
                      AND q.run_at <= now()
                      AND q.kind = ANY ($4::text[])
                      AND q.crashes < 2
                    ORDER BY q.priority DESC, q.run_at, q.id
                    LIMIT 1)
                   LIMIT 1) j
             WHERE NOT EXISTS (SELECT FROM tagexec.tag_jobs r WHERE r.state || '' = 'running' AND r.mutex_key = k.mutex_key OFFSET 0)` + lockHeads + returnClaimed + `
)
SELECT coalesce((SELECT max(mutex_key) FROM claimed HAVING count(*) = $3),
                (SELECT max(mutex_key) FROM seen HAVING count(*) = $7)), c.*
  FROM (VALUES (1)) one
  LEFT JOIN claimed c ON true`

// claimKeyed claims up to n jobs with different mutex keys from an unlimited
// pool.
func (q *Queue) claimKeyed(ctx context.Context, executor uuid.UUID, pool string, n int) ([]Job, error) {
	var jobs []Job
	fromFirst := q.survey.cursors[pool] == ""
	for range keyRounds {
		claimed, err := q.claimKeys(n-len(jobs), func(n int) ([]Job, error) { return q.claimSeen(ctx, executor, pool, n) })
		jobs = append(jobs, claimed...)
		if err != nil || len(jobs) == n {
			return jobs, err
		}
		if q.survey.cursors[pool] == "" { // the last key was seen
			if fromFirst {
				break
			}
			fromFirst = true
		}
	}
	return jobs, nil
}

// claimSeen claims up to n jobs of the next keys, and moves the cursor on.
func (q *Queue) claimSeen(ctx context.Context, executor uuid.UUID, pool string, n int) ([]Job, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	rows, err := q.db.Query(ctx, claimKeyedSQL, executor, q.Timeout.Seconds(), n, q.Kinds, pool, q.survey.cursors[pool], keysSeen)
	if err != nil {
		return nil, err
	}
	var after *string
	jobs, err := collectClaimed(rows, &after)
	if err == nil {
		q.survey.turn(pool, after)
	}
	return jobs, err
}

// claimKeys calls claim for n jobs. If another executor took one of the keys
// after the statement began it fails as a whole; then the keys are claimed one
// by one, a few of them, and the rest is left to the next round.
func (q *Queue) claimKeys(n int, claim func(n int) ([]Job, error)) ([]Job, error) {
	jobs, err := claim(n)
	if code(err) != "23505" {
		return jobs, err
	}
	const tries = 8
	jobs = nil
	for range min(n, tries) {
		one, err := claim(1)
		if err != nil && code(err) != "23505" {
			return jobs, err
		}
		jobs = append(jobs, one...)
	}
	return jobs, nil
}
