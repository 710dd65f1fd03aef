package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// usage is what an executor knows about the running jobs of a limited pool
// since it counted them under the pool's lock. It is a hint that spares the next
// count the index entries of claims that ended, which an old snapshot keeps from
// being removed. It passes over no job that runs:
//
//   - Who claims next holds the lock too, so its claims are younger than clock,
//     unless the server's clock was set back. If it was set back by more than the
//     time since the last count, the clock then reads earlier than at the last
//     count, so everything is counted. A smaller step is covered by starting twice
//     the elapsed time earlier.
//   - A claim that began while the pool had no limit needs no lock, and may become
//     visible up to inFlight after the first count of the pool as it is now.
//
// Two cases remain: a clock set back and forth between two counts, and a claim
// whose commit takes longer than inFlight. They end with the next whole count.
type usage struct {
	oldest  time.Time // no job that ran, or was claimed then, was claimed before
	clock   time.Time // the server's clock under the lock
	began   time.Time // our clock, just before
	version string    // of the row of the pool
	changed time.Time // the server's clock when this version was counted first, or its clock was found set back
	whole   scan      // the last count of everything
}

// inFlight is taken to be longer than a claim of another executor lasts, from
// its started_at to its commit.
const inFlight = clientTimeout + 5*time.Second

// windows are the times of claims that are counted: from since on, and from
// lateSince to lateUntil.
type windows struct {
	since, lateSince, lateUntil time.Time
}

// next returns what the next count has to read. clock is the server's, read
// under the lock; now is ours, after that.
func (u usage) next(clock, now time.Time) (w windows, whole bool) {
	if clock.Before(u.clock) || u.whole.paid() && now.Sub(u.whole.at) >= scanInterval {
		return w, true
	}
	w.since = u.oldest.Add(-2 * now.Sub(u.began))
	if u.clock.Sub(u.changed) <= inFlight {
		w.lateSince, w.lateUntil = u.changed.Add(-inFlight), u.changed
		if w.since.Before(w.lateUntil) {
			w.lateUntil = w.since
		}
	}
	return w, false
}

// The lock of a pool, and the server's clock while it is held. It is a statement
// of its own because the count must have a snapshot newer than the lock; in one
// statement the limit was seen exceeded. It does not wait: another executor is
// claiming from this pool.
const lockPoolSQL = `-- tagexec: lock pool
SELECT clock_timestamp()
  FROM (SELECT FROM tagexec.pool_locks WHERE slot = hashtext($1) & 4095 FOR UPDATE SKIP LOCKED) l`

// The slots in use are counted from the running jobs whose claims lie in one of
// two windows of time. A job that needs more slots than the pool has, or whose
// mutex key is running, does not reserve.
const readRoomSQL = `-- tagexec: read room of pool
SELECT p.slots, p.xmin::text, u.used, u.oldest, clock_timestamp(), coalesce(r.id, 0), coalesce(r.slots, 0), coalesce(r.priority, 0::smallint), coalesce(r.run_at, now()), coalesce(r.mutex_key, ''), coalesce(r.mine, false)
  FROM tagexec.tag_pools p
 CROSS JOIN LATERAL (
       SELECT coalesce(sum(w.slots), 0) AS used, least(min(w.started_at), statement_timestamp()) AS oldest
         FROM (SELECT slots, started_at FROM tagexec.tag_jobs
                WHERE state = 'running' AND pool = @pool AND started_at >= @since AND p.slots IS NOT NULL
               UNION ALL
               SELECT slots, started_at FROM tagexec.tag_jobs
                WHERE state = 'running' AND pool = @pool AND started_at >= @late_since AND started_at < @late_until AND p.slots IS NOT NULL) w) u
  LEFT JOIN LATERAL (
       SELECT q.id, q.slots, q.priority, q.run_at, q.mutex_key,
              q.kind = ANY (@kinds::text[]) AND (@batch::text = '' OR q.batch IS NOT DISTINCT FROM @batch) AS mine
         FROM tagexec.tag_jobs q
        WHERE q.id = @reserving
          AND q.pool = @pool
          AND q.slots <= p.slots
          AND ` + waiting + `
          AND ` + keyFree + `) r ON true
 WHERE p.pool = @pool
   AND NOT p.paused`

// room is what is free in a pool while its lock is held.
type room struct {
	slots     *int32 // of the pool; nil: it has no limit
	used      int
	reserving *candidate // nil: none, or it waits no more
	usage     usage
}

func (r *room) limited() bool { return r != nil && r.slots != nil }

// free is how many slots are free: less than none where a pool was made smaller.
func (r *room) free() int {
	if r.slots == nil {
		return unlimited
	}
	return int(*r.slots) - r.used
}

// errNothing ends a transaction that claimed nothing. Rolled back, it does not wait
// until its lock is on the disk, as a commit would.
var errNothing = errors.New("nothing claimed")

// inPool calls claim in a transaction that holds the lock of a pool, and returns
// the room that it found there: nil if another executor holds the lock, or the pool
// is paused.
func (s *session) inPool(ctx context.Context, pool string, reserving *int64, claim func(context.Context, pgx.Tx, *room) ([]Job, error)) (r *room, jobs []Job, err error) {
	err = s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) (err error) {
		if r, err = s.lockRoom(ctx, tx, pool, reserving); err == nil && r != nil {
			jobs, err = claim(ctx, tx, r)
		}
		if err == nil && len(jobs) == 0 {
			return errNothing
		}
		return err
	})
	if errors.Is(err, errNothing) {
		err = nil
	}
	return r, jobs, err
}

// lockRoom takes the lock of a pool and reads its room. It returns nil if
// another executor holds the lock, or the pool is paused.
func (s *session) lockRoom(ctx context.Context, tx pgx.Tx, pool string, reserving *int64) (*room, error) {
	last := s.usages[pool]
	now := usage{began: time.Now(), changed: last.changed, whole: last.whole}
	err := tx.QueryRow(ctx, lockPoolSQL, pool).Scan(&now.clock)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	}
	began := time.Now()
	w, whole := last.next(now.clock, began)
	var (
		r       = &room{usage: now}
		counted time.Time
		c       candidate
	)
	err = tx.QueryRow(ctx, readRoomSQL, pgx.StrictNamedArgs{
		"pool": pool, "since": w.since, "late_since": w.lateSince, "late_until": w.lateUntil,
		"reserving": reserving, "kinds": s.Kinds, "batch": s.Batch,
	}).Scan(&r.slots, &r.usage.version, &r.used, &r.usage.oldest, &counted, &c.id, &c.slots, &c.priority, &c.runAt, &c.mutexKey, &c.mine)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	case c.id != 0:
		r.reserving = &c
	}
	if whole {
		r.usage.whole = scan{time.Now(), time.Since(began)}
	}
	if r.usage.version != last.version || now.clock.Before(last.clock) {
		r.usage.changed = counted
	}
	return r, nil
}
