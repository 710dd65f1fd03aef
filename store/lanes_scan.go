package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// A scan reads of each lane the first job that this executor can run, behind the
// lane's position if there is one; the pools that hold jobs with a mutex key; and
// the first suspects. Lanes that are not known are read from the beginning, if
// @whole and only in pools that hold work. A row is a lane (pool and priority),
// a pool with keyed jobs (no priority) or a suspect (its slots in limited's place).
const scanLanesSQL = `-- tagexec: scan lanes
WITH open AS MATERIALIZED (
    SELECT p.pool, p.slots, @whole AND (SELECT true FROM tagexec.tag_jobs
                                         WHERE state = 'pending' AND mutex_key IS NULL AND pool = p.pool ORDER BY priority DESC LIMIT 1) AS holds,
           (SELECT true FROM tagexec.tag_jobs
             WHERE state = 'pending' AND mutex_key IS NOT NULL AND pool = p.pool ORDER BY mutex_key LIMIT 1) AS keyed
      FROM tagexec.tag_pools p
     WHERE NOT p.paused
       AND (@pools::text[] IS NULL OR p.pool = ANY (@pools))
)
SELECT o.pool, o.slots IS NOT NULL, l.priority::smallint, h.run_at, h.id, NULL::integer, now()
  FROM open o
 CROSS JOIN generate_series(0, 9) l (priority)
  LEFT JOIN unnest(@known::text[], @priorities::smallint[], @run_ats::timestamptz[], @ids::bigint[]) k (pool, priority, run_at, id)
    ON k.pool = o.pool AND k.priority = l.priority
  LEFT JOIN LATERAL (
       SELECT q.run_at, q.id
         FROM tagexec.tag_jobs q
        WHERE q.mutex_key IS NULL
          AND q.pool = o.pool
          AND q.priority = l.priority
          AND (q.run_at, q.id) > (coalesce(k.run_at, '-infinity'), coalesce(k.id, 0))
          AND ` + mayRun + `
        ORDER BY q.run_at, q.id
        LIMIT 1) h ON true
 WHERE o.holds OR k.pool IS NOT NULL
UNION ALL
SELECT o.pool, o.slots IS NOT NULL, NULL, NULL, NULL, NULL, now() FROM open o WHERE o.keyed
UNION ALL
(SELECT q.pool, false, NULL, q.run_at, q.id, q.slots, now()
   FROM tagexec.tag_jobs q
   JOIN open o ON o.pool = q.pool AND q.slots <= coalesce(o.slots, q.slots)
  WHERE q.crashes >= 2 AND q.kind = ANY (@kinds::text[]) AND ` + due + ` AND ` + available + `
  ORDER BY q.run_at, q.id
  LIMIT 20)`

// scanLanes renews what is known: from the beginning of all lanes if the last
// such scan is paid for, else from the positions of the known lanes.
func (s *session) scanLanes(ctx context.Context) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	l, began := &s.lanes, time.Now()
	whole := l.pace.whole.paid()
	var known []*lane
	if !whole {
		known = l.which(func(*lane) bool { return true })
	}
	pools, priorities, runAts, ids := laneArrays(known)
	rows, err := s.pool.Query(ctx, scanLanesSQL, pgx.StrictNamedArgs{
		"pools": s.Pools, "kinds": s.Kinds, "unavailable": s.leaveOut(), "whole": whole,
		"known": pools, "priorities": priorities, "run_ats": runAts, "ids": ids,
	})
	if err != nil {
		return fmt.Errorf("scan the lanes: %w", err)
	}
	for _, one := range l.known {
		one.holds = false
	}
	l.keyed, l.limited, s.suspects = nil, map[string]bool{}, nil
	if err := s.readScan(rows); err != nil {
		return fmt.Errorf("scan the lanes: %w", err)
	}
	l.pace.scanned(began, whole)
	return nil
}

func (s *session) readScan(rows pgx.Rows) error {
	var (
		l        = &s.lanes
		pool     string
		limited  bool
		priority *int16
		runAt    *time.Time
		id       *int64
		slots    *int32
		now      time.Time
	)
	_, err := pgx.ForEachRow(rows, []any{&pool, &limited, &priority, &runAt, &id, &slots, &now}, func() error {
		switch {
		case slots != nil:
			s.suspects = append(s.suspects, suspect{*id, pool, *slots})
			return nil
		case priority == nil:
			l.keyed = append(l.keyed, pool)
		case id == nil:
			// No job for us. Start here next time: rows older than lateCommit are found by
			// the next scan from the beginning.
			l.get(laneName{pool, *priority}).after = position{now.Add(-lateCommit), 0}
		default:
			one := l.get(laneName{pool, *priority})
			one.after, one.holds, one.ours = position{*runAt, *id - 1}, true, true
		}
		l.limited[pool] = limited
		return nil
	})
	return err
}
