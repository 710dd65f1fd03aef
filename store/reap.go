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

// Two graces keep an outage from re-running the whole fleet: the server must
// be up, and the reaper in unbroken contact ($1 seconds), for the dead one's
// lease, so that the living have had time to renew theirs.
const reapExecutorsSQL = `-- tagexec: reap executors
WITH dead AS MATERIALIZED (
    SELECT id
      FROM tagexec.tag_executors
     WHERE stopped_at IS NULL
       AND reaped_at IS NULL
       AND heartbeat_at < now() - make_interval(secs => lease_seconds)
       AND pg_postmaster_start_time() < now() - make_interval(secs => lease_seconds)
       AND $1::double precision >= lease_seconds
     ORDER BY id
     LIMIT 10
       FOR UPDATE SKIP LOCKED
)
UPDATE tagexec.tag_executors e
   SET reaped_at = clock_timestamp()
  FROM dead d
 WHERE e.id = d.id
RETURNING e.id`

// Jobs can also run under an executor that nobody will reap any more, because
// it is stopped, reaped or unknown: a frozen one may claim once more before it
// learns that it was reaped, and die. A loose scan finds the oldest claim of
// each executor that runs anything.
const orphansSQL = `-- tagexec: find orphans
WITH RECURSIVE holders AS (
    (SELECT executor_id, started_at
       FROM tagexec.tag_jobs
      WHERE state = 'running'
      ORDER BY executor_id, started_at
      LIMIT 1)
    UNION ALL
    SELECT n.executor_id, n.started_at
      FROM holders h
     CROSS JOIN LATERAL (
           SELECT executor_id, started_at
             FROM tagexec.tag_jobs
            WHERE state = 'running' AND executor_id > h.executor_id
            ORDER BY executor_id, started_at
            LIMIT 1) n
)
SELECT h.executor_id
  FROM holders h
  LEFT JOIN tagexec.tag_executors e ON e.id = h.executor_id
 CROSS JOIN LATERAL (SELECT coalesce(e.lease_seconds, 30) AS seconds) lease
 WHERE (e.id IS NULL OR e.stopped_at IS NOT NULL OR e.reaped_at IS NOT NULL)
   AND h.started_at < now() - make_interval(secs => lease.seconds)
   AND pg_postmaster_start_time() < now() - make_interval(secs => lease.seconds)
   AND $1::double precision >= lease.seconds`

// The attempts of dead executors and orphans, and those that a living one did
// not end: past their deadline by the kill grace and a lease. A row that another
// session holds is left to the next reap, as an orphan.
const (
	reapHeldSQL = `-- tagexec: reap jobs` + reapJobs + `
       AND executor_id = ANY ($3::uuid[])` + reapThem

	reapOverdueSQL = `-- tagexec: reap overdue jobs` + reapJobs + `
       AND EXISTS (SELECT
                     FROM tagexec.tag_executors e
                    WHERE e.id = executor_id
                      AND deadline_at < now() - interval '3 s' - make_interval(secs => e.lease_seconds)
                      AND pg_postmaster_start_time() < now() - make_interval(secs => e.lease_seconds)
                      AND $3::double precision >= e.lease_seconds)` + reapThem

	reapJobs = `
WITH l AS MATERIALIZED (
    SELECT id, attempt, executor_id, started_at, greatest(created_at, run_at) AS queued_at,
           CASE WHEN cancel_requested_at IS NOT NULL THEN 'cancelled'
                WHEN crashes + $1 >= $2 THEN 'failed'
                WHEN failures + 1 >= max_attempts THEN 'failed'
                ELSE 'pending'
           END AS next,
           CASE WHEN crashes + $1 >= $2 AND cancel_requested_at IS NULL THEN 'crash_limit' ELSE 'lost' END AS why
      FROM tagexec.tag_jobs
     WHERE state = 'running'`

	reapThem = `
     ORDER BY id
       FOR UPDATE SKIP LOCKED
), d AS (
    UPDATE tagexec.tag_jobs t
       SET state = l.next,
           finished_at = clock_timestamp(), -- the lock above may have waited
           crashes = t.crashes + $1::integer,
           failures = t.failures + CASE WHEN l.next = 'cancelled' THEN 0 ELSE 1 END,
           run_at = CASE WHEN l.next = 'pending' THEN statement_timestamp() ELSE t.run_at END,
           rows_affected = NULL,
           exit_code = NULL,
           result = NULL,
           error_code = l.why,
           error = CASE WHEN l.why = 'crash_limit' THEN 'executors died ' || $2::integer || ' times while they ran this job'
                        WHEN $1::integer = 0 THEN 'its executor did not end it when its time was over'
                        ELSE 'the executor died or lost contact while it ran this job' END
      FROM l
     WHERE t.id = l.id
 RETURNING t.id, l.attempt, l.executor_id, l.queued_at, l.started_at, t.finished_at, l.next, t.error_code, t.error
)
INSERT INTO tagexec.tag_job_attempts (job_id, attempt, executor_id, hostname, queued_at, started_at, finished_at, outcome, error_code, error)
SELECT d.id, d.attempt, d.executor_id, coalesce(e.hostname, ''), d.queued_at, d.started_at, d.finished_at,
       CASE d.next WHEN 'cancelled' THEN 'cancelled' ELSE 'lost' END, d.error_code, d.error
  FROM d
  LEFT JOIN tagexec.tag_executors e ON e.id = d.executor_id
RETURNING job_id`
)

// Reaped counts what a reap took away.
type Reaped struct {
	Executors []uuid.UUID
	Jobs      int
}

// Reap offers the jobs of dead executors again, those whose lease is over by
// the database's clock, and jobs that are far past their deadline. contact is how long the caller has been in unbroken
// contact with the database. Any executor may call it at any time.
func (s *Store) Reap(ctx context.Context, contact time.Duration) (Reaped, error) {
	var reaped Reaped
	err := s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, reapExecutorsSQL, contact.Seconds())
		if err != nil {
			return err
		}
		if reaped.Executors, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID]); err != nil {
			return err
		}
		if rows, err = tx.Query(ctx, orphansSQL, contact.Seconds()); err != nil {
			return err
		}
		orphans, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			return err
		}
		if reaped.Jobs, err = reapJobsOf(ctx, tx, reapHeldSQL, 1, append(orphans, reaped.Executors...)); err != nil {
			return err
		}
		overdue, err := reapJobsOf(ctx, tx, reapOverdueSQL, 0, contact.Seconds())
		reaped.Jobs += overdue
		return err
	})
	if err != nil {
		return Reaped{}, fmt.Errorf("reap dead executors: %w", err)
	}
	return reaped, nil
}

// reapJobsOf runs one of the statements above and returns how many jobs it
// took; each has crashed its executor so many more times.
func reapJobsOf(ctx context.Context, tx pgx.Tx, sql string, crashes int, which any) (int, error) {
	rows, err := tx.Query(ctx, sql, crashes, crashLimit, which)
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
