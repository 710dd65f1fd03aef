package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// crashLimit is how many executors a job may take down before it is failed.
const crashLimit = 3

// The signs of executors, and the server's clock. Jobs can also run under an
// executor that nobody will reap any more, because it is stopped, reaped or
// unknown: a frozen one may claim once more before it learns that it was reaped,
// and die. Its oldest claim is its sign. late says whether it is worth looking for
// jobs that are overdue: they are past their deadline, or it was written by a clock
// that was set back since.
const signsSQL = `-- tagexec: look at executors
WITH holders AS MATERIALIZED (
    SELECT executor_id, min(started_at) AS oldest, bool_or(deadline_at < now() OR started_at > now()) AS late
      FROM tagexec.tag_jobs
     WHERE state = 'running'
     GROUP BY executor_id
), signs (executor_id, last, lease_seconds, ended) AS (
    SELECT id, heartbeat_at, lease_seconds, false
      FROM tagexec.tag_executors
     WHERE stopped_at IS NULL AND reaped_at IS NULL
    UNION ALL
    SELECT h.executor_id, h.oldest, coalesce(e.lease_seconds, @default_lease), true
      FROM holders h
      LEFT JOIN tagexec.tag_executors e ON e.id = h.executor_id
     WHERE e.id IS NULL OR e.stopped_at IS NOT NULL OR e.reaped_at IS NOT NULL
)
SELECT c.clock, c.late, s.executor_id, extract(epoch FROM s.last)::text, s.lease_seconds, s.ended
  FROM (SELECT clock_timestamp(), EXISTS (SELECT FROM holders WHERE late)) c (clock, late)
  LEFT JOIN signs s ON true
 ORDER BY s.executor_id`

// Whose heartbeat is not the one that was seen lives.
const reapExecutorsSQL = `-- tagexec: reap executors
WITH dead AS MATERIALIZED (
    SELECT e.id
      FROM unnest(@ids::uuid[], @seen::text[]) s (id, last)
      JOIN tagexec.tag_executors e ON e.id = s.id AND extract(epoch FROM e.heartbeat_at)::text = s.last
     WHERE e.stopped_at IS NULL
       AND e.reaped_at IS NULL
     ORDER BY e.id
       FOR UPDATE OF e SKIP LOCKED
)
UPDATE tagexec.tag_executors e
   SET reaped_at = clock_timestamp()
  FROM dead d
 WHERE e.id = d.id
RETURNING e.id`

// The attempts of executors that are gone, and those that a living one did not
// end: past their deadline by the kill grace and a lease. A deadline was written
// by the server's clock, and holds if that has run steadily since; for an older
// claim its whole time is counted from then on. The time it is compared with is
// that of the look, because the clock may have been set since. A row that another
// session holds is left to the next reap.
const (
	reapHeldSQL = `-- tagexec: reap jobs` + reapJobs + `
       AND executor_id = ANY (@gone::uuid[])` + reapThem

	reapOverdueSQL = `-- tagexec: reap overdue jobs` + reapJobs + `
       AND EXISTS (SELECT
                     FROM tagexec.tag_executors e
                    WHERE e.id = j.executor_id
                      AND e.lease_seconds <= @contact
                      AND CASE WHEN j.started_at BETWEEN @steady AND greatest(@clock::timestamptz, now()) THEN j.deadline_at
                               WHEN isfinite(j.started_at) AND isfinite(j.deadline_at) THEN @steady::timestamptz + (j.deadline_at - j.started_at) END
                        < @clock::timestamptz - make_interval(secs => @kill_grace) - make_interval(secs => e.lease_seconds))` + reapThem

	reapJobs = `
WITH l AS MATERIALIZED (
    SELECT id, attempt_is_past, greatest(created_at, run_at) AS queued_at,
           CASE WHEN cancel_requested_at IS NOT NULL THEN 'cancelled'
                WHEN crashes + @crashes::integer >= @crash_limit::integer THEN 'failed'
                WHEN failures + 1 >= max_attempts THEN 'failed'
                ELSE 'pending'
           END AS next,
           CASE WHEN crashes + @crashes::integer >= @crash_limit::integer AND cancel_requested_at IS NULL THEN 'crash_limit' ELSE 'lost' END AS why
      FROM tagexec.tag_jobs j
     WHERE state = 'running'
       AND id <> ALL (ARRAY(SELECT u.job_id FROM tagexec.tag_unwritable_jobs u))`

	reapThem = `
     ORDER BY id
       FOR UPDATE SKIP LOCKED
), d AS (
    UPDATE tagexec.tag_jobs t
       SET state = l.next,
           finished_at = clock_timestamp(), -- the lock above may have waited
           crashes = t.crashes + @crashes::integer,
           unavailable_since = NULL,
           failures = t.failures + CASE WHEN l.next = 'cancelled' THEN 0 ELSE 1 END,
           run_at = CASE WHEN l.next = 'pending' THEN statement_timestamp() ELSE t.run_at END,
           rows_affected = NULL,
           exit_code = NULL,
           result = NULL,
           error_code = l.why,
           attempt_is_past = l.attempt_is_past OR l.next = 'pending',
           last_outcome = CASE WHEN NOT l.attempt_is_past AND l.next = 'failed' THEN 'lost' END,
           error = CASE WHEN l.why = 'crash_limit' THEN 'executors died ' || @crash_limit::integer || ' times while they ran this job'
                        WHEN @crashes::integer = 0 THEN 'its executor did not end it when its time was over'
                        ELSE 'the executor died or lost contact while it ran this job' END
      FROM l
     WHERE t.id = l.id
 RETURNING t.id, t.attempt, t.executor_id, t.state, t.attempt_is_past, l.queued_at, t.started_at, t.finished_at, t.error_code, t.error,
           t.tag, t.kind, t.pool, t.slots, t.batch, t.biz_date
), i AS (
    INSERT INTO tagexec.tag_past_attempts (job_id, attempt, executor_id, hostname, queued_at, started_at, finished_at, outcome,
                                           error_code, error, tag, kind, pool, slots, batch, biz_date)
    SELECT d.id, d.attempt, d.executor_id, coalesce(e.hostname, ''), d.queued_at, d.started_at, d.finished_at, CASE d.state WHEN 'cancelled' THEN 'cancelled' ELSE 'lost' END,
           d.error_code, d.error, d.tag, d.kind, d.pool, d.slots, d.batch, d.biz_date
      FROM d
      LEFT JOIN tagexec.tag_executors e ON e.id = d.executor_id
     WHERE d.attempt_is_past
)
SELECT id FROM d`
)

// maxReaped is how many executors one reap takes: it must stay short.
const maxReaped = 10

// Reaped counts what a reap took away.
type Reaped struct {
	Executors  []uuid.UUID
	Jobs       int
	Unwritable []Unwritable // jobs that were isolated, because they cannot be taken away
}

// Reap offers the jobs of dead executors again, and jobs that are far past their
// deadline. An executor is dead when its lease has passed by our monotonic clock
// since Reap saw its last heartbeat; so the first calls only look. contact is how
// long the caller has been in unbroken contact with the database: whoever is
// taken away from was able to show a sign of life for as long. Any executor may
// call it at any time, and concurrently. It also moves what waits for a time of
// the future to now, when it notices that the server's clock was set back, or at
// its first look that it was ahead once.
func (s *Store) Reap(ctx context.Context, contact time.Duration) (Reaped, error) {
	reaped, err := s.reap(ctx, contact)
	if badRow(err) {
		var found []Unwritable
		if found, err = s.isolate(ctx, s.failedFor(ctx, err, findReapedSQL, nil)); err == nil {
			reaped, err = s.reap(ctx, contact)
		}
		reaped.Unwritable = found
	}
	if err != nil {
		return reaped, fmt.Errorf("reap dead executors: %w", err)
	}
	return reaped, nil
}

func (s *Store) reap(ctx context.Context, contact time.Duration) (reaped Reaped, err error) {
	l, err := s.look(ctx)
	if err != nil {
		return reaped, err
	}
	silent := s.watch.silent(l, contact)
	steady, setBack := s.watch.steady(l)
	if setBack {
		if err := s.moveBack(ctx); err != nil {
			return reaped, err
		}
		s.watch.movedBack()
	}
	if contact == 0 || len(silent) == 0 && !l.late {
		return reaped, nil
	}
	err = s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if len(silent) > 0 {
			var gone []uuid.UUID
			if reaped.Executors, gone, err = reapExecutors(ctx, tx, silent); err != nil {
				return err
			}
			if reaped.Jobs, err = reapJobsOf(ctx, tx, reapHeldSQL, pgx.StrictNamedArgs{
				"crashes": 1, "crash_limit": crashLimit, "gone": gone,
			}); err != nil {
				return err
			}
		}
		overdue, err := reapJobsOf(ctx, tx, reapOverdueSQL, pgx.StrictNamedArgs{
			"crashes": 0, "crash_limit": crashLimit, "contact": contact.Seconds(), "steady": steady, "clock": l.clock, "kill_grace": KillGrace.Seconds(),
		})
		reaped.Jobs += overdue
		return err
	})
	if err != nil {
		return Reaped{}, err
	}
	return reaped, nil
}

// look looks at all executors that may have to be reaped.
func (s *Store) look(ctx context.Context) (l look, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if s.watch.first() {
		if l.wasAhead, err = s.wasAhead(ctx); err != nil {
			return l, err
		}
	}
	l.sent = time.Now()
	rows, err := s.pool.Query(ctx, signsSQL, pgx.StrictNamedArgs{"default_lease": DefaultLease.Seconds()})
	if err != nil {
		return l, err
	}
	var (
		executor *uuid.UUID // nil: there is none
		last     *string
		lease    *float64
		ended    *bool
	)
	_, err = pgx.ForEachRow(rows, []any{&l.clock, &l.late, &executor, &last, &lease, &ended}, func() error {
		if executor != nil {
			l.signs = append(l.signs, sign{*executor, *last, *lease, *ended})
		}
		return nil
	})
	l.received = time.Now()
	return l, err
}

// reapExecutors notes that silent executors are reaped, unless one gave a sign at
// the last moment. gone are those whose jobs are free now: also what had ended before.
func reapExecutors(ctx context.Context, tx pgx.Tx, silent []sign) (reaped, gone []uuid.UUID, err error) {
	var (
		ids  []uuid.UUID
		seen []string
	)
	for _, s := range silent {
		switch {
		case s.ended:
			gone = append(gone, s.executor)
		case len(ids) < maxReaped:
			ids, seen = append(ids, s.executor), append(seen, s.last)
		}
	}
	rows, err := tx.Query(ctx, reapExecutorsSQL, pgx.StrictNamedArgs{"ids": ids, "seen": seen})
	if err != nil {
		return nil, nil, err
	}
	reaped, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	return reaped, append(gone, reaped...), err
}

// What a reap changes are running jobs, and those that it moves back with the clock.
const findReapedSQL = `-- tagexec: find what a reap failed for
SELECT id FROM tagexec.tag_jobs WHERE state = 'running'
UNION ALL
(SELECT id FROM tagexec.tag_jobs WHERE ` + ahead + ` ORDER BY id LIMIT 10000)`

// reapJobsOf runs one of the statements above and returns how many jobs it took.
func reapJobsOf(ctx context.Context, tx pgx.Tx, sql string, args pgx.StrictNamedArgs) (int, error) {
	rows, err := tx.Query(ctx, sql, args)
	if err != nil {
		return 0, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	_, err = tx.Exec(ctx, resubmitSQL, ids)
	return len(ids), err
}
