package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// The times that a clock wrote before it was set back lie in the future: a job
// that was due when it was inserted would wait for them, and so would a retry.
// Such a job is told from one that somebody wants later by a time of the past
// that has not come yet. finished_at is corrected with it, so that a job is
// moved once.
const moveBackSQL = `-- tagexec: move back
WITH ahead AS MATERIALIZED (
    SELECT id,
           CASE WHEN finished_at > now() AND error_code IS NOT NULL THEN greatest(run_at - finished_at, interval '0') ELSE interval '0' END AS delay
      FROM tagexec.tag_jobs
     WHERE ` + ahead + `
       AND id <> ALL (ARRAY(SELECT u.job_id FROM tagexec.tag_unwritable_jobs u))
     ORDER BY id
     LIMIT @n
       FOR UPDATE SKIP LOCKED
)
UPDATE tagexec.tag_jobs t
   SET run_at = now() + a.delay,
       finished_at = CASE WHEN t.finished_at > now() THEN now() ELSE t.finished_at END
  FROM ahead a
 WHERE t.id = a.id`

// ahead is what became pending by a clock that was ahead: inserted, ended, or made
// due at once by an action, which then has the same time.
const ahead = `state = 'pending'
       AND run_at > now()
       AND (created_at > now() AND run_at <= created_at
         OR finished_at > now() AND (error_code IS NOT NULL OR run_at <= finished_at)
         OR (run_at, id) IN (SELECT o.at, o.job_id FROM tagexec.tag_operator_actions o WHERE o.at > now() AND o.action = 'retry_job')
         OR (run_at, batch) IN (SELECT o.at, o.batch FROM tagexec.tag_operator_actions o WHERE o.at > now() AND o.action IN ('retry_batch', 'submit_jobs')))`

// movedAtOnce is how many jobs one statement moves: it must stay short.
const movedAtOnce = 2000

// moveBack makes jobs due that wait only because the server's clock was ahead
// when they became pending.
func (s *Store) moveBack(ctx context.Context) error {
	for {
		var moved int64
		err := s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
			tag, err := tx.Exec(ctx, moveBackSQL, pgx.StrictNamedArgs{"n": movedAtOnce})
			moved = tag.RowsAffected()
			return err
		})
		if err != nil || moved < movedAtOnce {
			return err
		}
	}
}

// The table remembers a clock that was ahead, for a process that did not see it set
// back: in what executors wrote last, in the newest jobs and in the last action.
const wasAheadSQL = `-- tagexec: find out whether the clock was ahead
SELECT EXISTS (SELECT FROM tagexec.tag_executors WHERE greatest(heartbeat_at, stopped_at, reaped_at) > clock_timestamp())
    OR EXISTS (SELECT FROM (SELECT created_at FROM tagexec.tag_jobs ORDER BY id DESC LIMIT 1000) j WHERE j.created_at > now())
    OR coalesce((SELECT at > now() FROM tagexec.tag_operator_actions ORDER BY id DESC LIMIT 1), false)`

// wasAhead reports whether the server's clock was ahead of what it is now. A page
// that cannot be read is no reason to know nothing else.
func (s *Store) wasAhead(ctx context.Context) (ahead bool, err error) {
	if err = s.pool.QueryRow(ctx, wasAheadSQL).Scan(&ahead); err != nil && !badRow(err) {
		return false, fmt.Errorf("find out whether the clock was ahead: %w", err)
	}
	return ahead, nil
}
