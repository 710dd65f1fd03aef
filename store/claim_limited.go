package store

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"
)

// The jobs without a mutex key of one pool, none wider than it, from the
// position of each lane on.
const findInLanesSQL = `-- tagexec: find in lanes
SELECT j.id, j.slots, j.priority, j.run_at
  FROM unnest(@priorities::smallint[], @run_ats::timestamptz[], @ids::bigint[]) l (priority, after_run_at, after_id)
 CROSS JOIN LATERAL (
       SELECT q.id, q.slots, q.priority, q.run_at
         FROM tagexec.tag_jobs q
        WHERE q.mutex_key IS NULL
          AND q.pool = @pool
          AND q.priority = l.priority
          AND (q.run_at, q.id) > (l.after_run_at, l.after_id)
          AND q.slots <= @width::integer
          AND ` + mayRun + `
        ORDER BY q.run_at, q.id
        LIMIT @n) j`

// findInLanes finds the first n candidates of each lane of a limited pool.
func (s *session) findInLanes(ctx context.Context, db querier, step step, width, n int) ([]candidate, error) {
	_, priorities, runAts, ids := laneArrays(step.lanes)
	rows, err := db.Query(ctx, findInLanesSQL, pgx.StrictNamedArgs{
		"kinds": s.Kinds, "unavailable": s.leaveOut(), "pool": step.pool, "priorities": priorities, "run_ats": runAts, "ids": ids, "width": width, "n": n,
	})
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (candidate, error) {
		c := candidate{mine: true}
		return c, row.Scan(&c.id, &c.slots, &c.priority, &c.runAt)
	})
}

// claimLimitedLanes claims up to n jobs of a limited pool, keyed or not. The
// keys go round as in claimKeyed, except that the cursor stays while nothing
// fits, so that the turn of a job of many slots is not passed over.
func (s *session) claimLimitedLanes(ctx context.Context, step step, n int) ([]Job, error) {
	var keyed keyedJobs
	jobs, fits, err := s.claimLimited(ctx, step.pool, n, func(ctx context.Context, tx pgx.Tx, width, n int) (found []candidate, err error) {
		if len(step.lanes) > 0 {
			if found, err = s.findInLanes(ctx, tx, step, width, n); err != nil {
				return nil, err
			}
		}
		if step.keyed {
			keyed, err = s.findKeyed(ctx, tx, step.pool, width, keysSeen)
		}
		return append(found, keyed.candidates...), err
	})
	if err == nil && fits && step.keyed {
		s.lanes.cursors[step.pool] = keyed.next
	}
	s.lanes.taken(step.lanes, jobs, false)
	return jobs, err
}

// finder finds candidates of a locked pool, none wider than width, and of those
// without a mutex key the first n.
type finder func(ctx context.Context, tx pgx.Tx, width, n int) ([]candidate, error)

// claimLimited claims up to n jobs of a limited pool under its lock, where
// nobody competes: lock → room → candidates → fit → take. It claims none if
// another executor holds the lock. fits is false while candidates wait for room.
func (s *session) claimLimited(ctx context.Context, pool string, n int, find finder) (jobs []Job, fits bool, err error) {
	reserving, err := s.reserving(ctx, pool)
	if err != nil {
		return nil, false, err
	}
	r, jobs, err := s.inPool(ctx, pool, reserving.job, func(ctx context.Context, tx pgx.Tx, r *room) ([]Job, error) {
		if !r.limited() || r.free() <= 0 {
			return nil, nil
		}
		found, err := find(ctx, tx, int(*r.slots), min(n, r.free()))
		if err != nil {
			return nil, err
		}
		jobs, err := s.take(ctx, tx, fit(found, r.reserving, r.free(), n), n, &r.usage.version, false)
		fits = len(jobs) > 0 || len(found) == 0
		return jobs, err
	})
	switch {
	case keyTaken(err): // another executor took one of the mutex keys meanwhile; the next claim sees it
		s.reservations[pool] = reservation{gone: true, scan: reserving.scan}
		return nil, false, nil
	case err != nil:
		return nil, false, err
	case r.limited():
		s.usages[pool] = r.usage
		reserving.gone = reserving.job != nil && (r.reserving == nil ||
			slices.ContainsFunc(jobs, func(j Job) bool { return j.ID == *reserving.job }))
		s.reservations[pool] = reserving
	}
	return jobs, fits, nil
}
