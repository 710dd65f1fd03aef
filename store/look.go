package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// A loose scan: the head of each lane is found from the head before it, in two
// branches; with OR instead the planner reads the whole index.
const surveyLanes = `
WITH RECURSIVE lanes AS (
    (SELECT pool, priority
       FROM tagexec.tag_jobs
      WHERE state = 'pending' AND mutex_key IS NULL
      ORDER BY pool, priority DESC
      LIMIT 1)
    UNION ALL
    SELECT n.pool, n.priority
      FROM lanes l
     CROSS JOIN LATERAL (
           (SELECT pool, priority
              FROM tagexec.tag_jobs
             WHERE state = 'pending' AND mutex_key IS NULL AND pool = l.pool AND priority < l.priority
             ORDER BY pool, priority DESC
             LIMIT 1)
           UNION ALL
           (SELECT pool, priority
              FROM tagexec.tag_jobs
             WHERE state = 'pending' AND mutex_key IS NULL AND pool > l.pool
             ORDER BY pool, priority DESC
             LIMIT 1)
           LIMIT 1) n
), known AS (
    SELECT pool, priority, '-infinity'::timestamptz AS left_run_at, 0::bigint AS left_id
      FROM lanes
), `

// The lanes that are known already, from where they were left.
const recallLanes = `
WITH RECURSIVE known AS (
    SELECT *
      FROM unnest($3::text[], $4::smallint[], $5::timestamptz[], $6::bigint[]) l (pool, priority, left_run_at, left_id)
), `

// Of each lane the first job that this executor can run, if there is one, and
// the pools that hold jobs with a mutex key; one more row, without a pool, if
// there are suspects.
const surveyHeads = `keyed AS (
    (SELECT pool
       FROM tagexec.tag_jobs
      WHERE state = 'pending' AND mutex_key IS NOT NULL
      ORDER BY pool
      LIMIT 1)
    UNION ALL
    SELECT n.pool
      FROM keyed k
     CROSS JOIN LATERAL (
           SELECT pool
             FROM tagexec.tag_jobs
            WHERE state = 'pending' AND mutex_key IS NOT NULL AND pool > k.pool
            ORDER BY pool
            LIMIT 1) n
), open AS MATERIALIZED (
    SELECT pool, slots IS NOT NULL AS limited
      FROM tagexec.tag_pools
     WHERE NOT paused
       AND ($1::text[] IS NULL OR pool = ANY ($1))
)
SELECT o.pool, o.limited, l.priority, h.run_at, h.id, now() AS looked_at
  FROM open o
  JOIN known l ON l.pool = o.pool
  LEFT JOIN LATERAL (
       SELECT q.run_at, q.id
         FROM tagexec.tag_jobs q
        WHERE q.state = 'pending'
          AND q.mutex_key IS NULL
          AND q.pool = l.pool
          AND q.priority = l.priority
          AND (q.run_at, q.id) > (l.left_run_at, l.left_id)
          AND q.kind = ANY ($2::text[])
          AND q.crashes < 2
        ORDER BY q.run_at, q.id
        LIMIT 1) h ON true
UNION ALL
SELECT o.pool, o.limited, NULL, NULL, NULL, now()
  FROM open o
  JOIN keyed k ON k.pool = o.pool` + surveySuspects

const surveySuspects = `
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, now()
 WHERE EXISTS (SELECT FROM tagexec.tag_jobs WHERE state = 'pending' AND crashes >= 2 AND run_at <= now())`

const (
	surveySQL = `-- tagexec: survey` + surveyLanes + surveyHeads
	recallSQL = `-- tagexec: survey known lanes` + recallLanes + surveyHeads

	// The lanes of one batch; its jobs are found by the batch's index.
	surveyBatchSQL = `-- tagexec: survey batch
SELECT p.pool, p.slots IS NOT NULL, w.priority, w.run_at, 1::bigint, now()
  FROM (SELECT pool, max(priority) AS priority, min(run_at) AS run_at
          FROM tagexec.tag_jobs
         WHERE batch = $3
           AND state = 'pending'
           AND run_at <= now()
           AND kind = ANY ($2::text[])
         GROUP BY pool) w
  JOIN tagexec.tag_pools p ON p.pool = w.pool
 WHERE NOT p.paused
   AND ($1::text[] IS NULL OR p.pool = ANY ($1))` + surveySuspects
)

// look renews the survey: from the beginning if the last such look is paid
// for, else from where the known lanes were left.
func (q *Queue) look(ctx context.Context) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	s, began := &q.survey, time.Now()
	whole := q.Batch != "" || s.whole.paid()
	rows, err := q.surveyRows(ctx, whole)
	if err != nil {
		return fmt.Errorf("survey the lanes: %w", err)
	}
	s.forget()
	var (
		pool     *string
		limited  *bool
		priority *int16
		runAt    *time.Time
		id       *int64
		now      time.Time
	)
	_, err = pgx.ForEachRow(rows, []any{&pool, &limited, &priority, &runAt, &id, &now}, func() error {
		switch {
		case pool == nil:
			s.suspects = true
			return nil
		case priority == nil:
			s.keyed = append(s.keyed, *pool)
		case id == nil:
			// Nothing for us now; what comes is not older than this, or waits for a whole look.
			s.left[laneName{*pool, *priority}] = key{now.Add(-lateCommit), 0}
		default:
			l := &lane{laneName{*pool, *priority}, key{*runAt, *id - 1}}
			s.lanes = append(s.lanes, l)
			s.left[l.laneName] = l.after
		}
		s.limited[*pool] = *limited
		return nil
	})
	if err != nil {
		return fmt.Errorf("survey the lanes: %w", err)
	}
	s.latest = look{time.Now(), time.Since(began)}
	if whole {
		s.whole = s.latest
	}
	return nil
}

// surveyRows sends the statement of a look.
func (q *Queue) surveyRows(ctx context.Context, whole bool) (pgx.Rows, error) {
	switch {
	case q.Batch != "":
		return q.db.Query(ctx, surveyBatchSQL, q.Pools, q.Kinds, q.Batch)
	case whole:
		return q.db.Query(ctx, surveySQL, q.Pools, q.Kinds)
	}
	known := make([]*lane, 0, len(q.survey.left))
	for name, after := range q.survey.left {
		known = append(known, &lane{name, after})
	}
	pools, priorities, runAts, ids := laneArrays(known)
	return q.db.Query(ctx, recallSQL, q.Pools, q.Kinds, pools, priorities, runAts, ids)
}
