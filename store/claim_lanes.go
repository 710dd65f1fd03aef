package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Unlimited pools, jobs without a mutex key: the hot path, one statement. The
// order of the lanes is the order of the claim; each starts behind its
// position. A pool that was paused or limited since the last scan is left out.
const claimLanesSQL = `-- tagexec: claim` + setClaimed + firstInLanes + `
              FOR UPDATE SKIP LOCKED) j
     LIMIT @n` + returnClaimed

// The same jobs without a claim, to find out which of them it failed for.
const findFailedSQL = `-- tagexec: find what failed` + firstInLanes + `) j
     LIMIT @n`

const firstInLanes = `
    SELECT j.id
      FROM unnest(@pools::text[], @priorities::smallint[], @run_ats::timestamptz[], @ids::bigint[]) l (pool, priority, after_run_at, after_id)
     CROSS JOIN LATERAL (
           SELECT q.id
             FROM tagexec.tag_jobs q
            WHERE (SELECT p.slots IS NULL AND NOT p.paused FROM tagexec.tag_pools p WHERE p.pool = l.pool)
              AND q.mutex_key IS NULL
              AND q.pool = l.pool
              AND q.priority = l.priority
              AND (q.run_at, q.id) > (l.after_run_at, l.after_id)
              AND ` + untouched + `
              AND ` + mayRun + `
            ORDER BY q.run_at, q.id
            LIMIT @n`

// untouched: no transaction that was under way when the statement began, or began
// since, has changed or locked the row. Where another executor has claimed it
// meanwhile, FOR UPDATE would lock its newest version, and the record of the job
// would wait until this claim has ended. xmax names who did it last, also long
// after; where it may be a multixact nothing is known, and FOR UPDATE decides.
const untouched = `(q.xmax = 0 OR mxid_age(q.xmax) >= 0 OR pg_visible_in_snapshot(
                     ((SELECT pg_snapshot_xmax(s)::text::bigint + age(pg_snapshot_xmax(s)::xid) FROM pg_current_snapshot() s) - age(q.xmax))::text::xid8,
                     pg_current_snapshot()))`

// claimLanes claims up to n jobs from lanes of unlimited pools.
func (s *session) claimLanes(ctx context.Context, from []*lane, n int) ([]Job, error) {
	if len(from) == 0 {
		return nil, nil
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	pools, priorities, runAts, ids := laneArrays(from)
	leaveOut := s.leaveOut()
	rows, err := s.pool.Query(ctx, claimLanesSQL, pgx.StrictNamedArgs{
		"executor": s.id, "timeout": s.JobTimeout.Seconds(), "n": n, "kinds": s.Kinds, "unavailable": leaveOut,
		"pools": pools, "priorities": priorities, "run_ats": runAts, "ids": ids,
	})
	if err != nil {
		return nil, err
	}
	jobs, err := pgx.AppendRows(make([]Job, 0, n), rows, scanJob)
	if badRow(err) {
		return nil, s.failedFor(ctx, err, findFailedSQL, pgx.StrictNamedArgs{
			"n": n + spare, "kinds": s.Kinds, "unavailable": leaveOut,
			"pools": pools, "priorities": priorities, "run_ats": runAts, "ids": ids,
		})
	}
	s.lanes.taken(from, jobs, len(jobs) < n)
	return jobs, err
}

// laneArrays returns the lanes as parallel arrays for unnest.
func laneArrays(lanes []*lane) (pools []string, priorities []int16, runAts []time.Time, ids []int64) {
	for _, l := range lanes {
		pools = append(pools, l.pool)
		priorities = append(priorities, l.priority)
		runAts = append(runAts, l.after.runAt)
		ids = append(ids, l.after.id)
	}
	return pools, priorities, runAts, ids
}
