package doctor

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Violation is a promise that the tables break.
type Violation struct {
	Rule   string // short name of the promise
	Detail string // one sentence that names the rows
}

// TimeRules returns the rules about the order of times. The server writes all of
// them, so a clock of it that is set back breaks them and no promise: which
// attempt followed which, their numbers say. They come last, so that they hide
// no other.
func TimeRules() []string { return []string{"job_times", "attempt_times", "attempts_in_turn"} }

// Each part reads the tables alone, so the statement judges any database at any
// time. All parts see the same moment, because they are one statement. What
// CHECKs and unique indexes guarantee is left out, except for the mutex keys,
// because a broken index would not report itself.
const violationsSQL = `-- tagexec: violations
WITH ended AS MATERIALIZED (
    SELECT a.job_id, count(*) AS n, max(a.attempt) AS last,
           count(*) FILTER (WHERE a.outcome IN ('failed', 'timed_out', 'lost')) AS failures,
           count(*) FILTER (WHERE a.outcome = 'succeeded') AS successes
      FROM tagexec.tag_job_attempts a
     GROUP BY a.job_id
), jobs AS MATERIALIZED (
    SELECT j.*, j.attempt - CASE WHEN j.state = 'running' THEN 1 ELSE 0 END AS expected,
           coalesce(e.n, 0) AS n, coalesce(e.last, 0) AS last_attempt, coalesce(e.failures, 0) AS attempts_failed, coalesce(e.successes, 0) AS successes
      FROM tagexec.tag_jobs j
      LEFT JOIN ended e ON e.job_id = j.id
)
SELECT rule, detail FROM (
SELECT 'attempts_recorded' AS rule,
       format('job %s (%s, attempt %s) has %s attempt rows, the last with number %s', id, state, attempt, n, last_attempt) AS detail
  FROM jobs
 WHERE n <> expected OR last_attempt <> expected
UNION ALL
SELECT 'failures_counted', format('job %s has %s failures, but %s attempts that failed', id, failures, attempts_failed)
  FROM jobs
 WHERE failures > attempts_failed
UNION ALL
SELECT 'failures_below_limit', format('job %s is %s with %s failures of %s', id, state, failures, max_attempts)
  FROM jobs
 WHERE state IN ('pending', 'running') AND failures >= max_attempts
UNION ALL
SELECT 'last_outcome', format('job %s is %s, but its attempt %s ended %s', j.id, j.state, a.attempt, a.outcome)
  FROM jobs j
  JOIN tagexec.tag_job_attempts a ON a.job_id = j.id AND a.attempt = j.attempt
 WHERE j.state = 'succeeded' AND a.outcome <> 'succeeded'
    OR j.state = 'failed' AND a.outcome NOT IN ('failed', 'timed_out', 'lost') AND j.error_code <> 'unavailable'
UNION ALL
SELECT 'last_executor', format('job %s names executor %s, but its attempt %s ran on %s', j.id, j.executor_id, a.attempt, a.executor_id)
  FROM jobs j
  JOIN tagexec.tag_job_attempts a ON a.job_id = j.id AND a.attempt = j.attempt
 WHERE a.executor_id IS DISTINCT FROM j.executor_id
UNION ALL
SELECT 'one_success', format('job %s succeeded %s times', j.id, j.successes)
  FROM jobs j
  LEFT JOIN tagexec.tag_batches b ON b.batch = j.batch
 WHERE j.successes > greatest(1, coalesce(b.submit_count, 0))
   AND NOT EXISTS (SELECT FROM tagexec.tag_operator_actions o
                    WHERE (o.action LIKE 'retry%' OR o.action = 'submit_jobs' AND o.after ->> 'requeued' <> '0') AND (o.job_id = j.id OR o.batch = j.batch))
UNION ALL
SELECT 'pending_is_clean', format('job %s is pending with a cancel or a retry in flight', id)
  FROM jobs
 WHERE state = 'pending' AND (cancel_requested_at IS NOT NULL OR retry_request IS NOT NULL)
UNION ALL
SELECT 'final_is_clean', format('job %s is %s with a retry in flight', id, state)
  FROM jobs
 WHERE state IN ('succeeded', 'failed', 'cancelled') AND retry_request IS NOT NULL
UNION ALL
SELECT 'job_times', format('job %s finished at %s, before it started at %s', id, finished_at, started_at)
  FROM jobs
 WHERE finished_at < started_at
UNION ALL
SELECT 'attempt_times', format('attempt %s of job %s: queued %s, started %s, finished %s', attempt, job_id, queued_at, started_at, finished_at)
  FROM tagexec.tag_job_attempts
 WHERE queued_at > started_at OR started_at > finished_at
UNION ALL
SELECT 'attempts_in_turn', format('job %s: attempt %s started at %s, before the one before it ended at %s', job_id, attempt, started_at, before)
  FROM (SELECT job_id, attempt, started_at, lag(finished_at) OVER (PARTITION BY job_id ORDER BY attempt) AS before
          FROM tagexec.tag_job_attempts) a
 WHERE started_at < before
UNION ALL
SELECT 'pool_limit', format('pool %s has %s slots, and %s are in use', p.pool, p.slots, sum(j.slots))
  FROM tagexec.tag_pools p
  JOIN jobs j ON j.pool = p.pool AND j.state = 'running'
 GROUP BY p.pool, p.slots
HAVING sum(j.slots) > p.slots
UNION ALL
SELECT 'one_running_per_mutex_key', format('%s jobs with mutex key %s run', count(*), mutex_key)
  FROM jobs
 WHERE state = 'running' AND mutex_key IS NOT NULL
 GROUP BY mutex_key
HAVING count(*) > 1
UNION ALL
SELECT 'batch_exists', format('job %s names batch %s, which does not exist', j.id, j.batch)
  FROM jobs j
 WHERE j.batch IS NOT NULL
   AND NOT EXISTS (SELECT FROM tagexec.tag_batches b WHERE b.batch = j.batch)
UNION ALL
SELECT 'pool_exists', format('job %s waits in pool %s, which does not exist', j.id, j.pool)
  FROM jobs j
 WHERE j.state = 'pending'
   AND NOT EXISTS (SELECT FROM tagexec.tag_pools p WHERE p.pool = j.pool)
UNION ALL
SELECT 'executor_exists', format('job %s runs on executor %s, which is not registered', j.id, j.executor_id)
  FROM jobs j
 WHERE j.state = 'running'
   AND NOT EXISTS (SELECT FROM tagexec.tag_executors e WHERE e.id = j.executor_id)
) v
 ORDER BY rule = ANY ($1), rule, detail
 LIMIT 100`

// Querier runs a statement: a *pgx.Conn, a *pgxpool.Pool or a pgx.Tx.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Violations returns up to 100 promises that the tables break, and nil if they
// keep all. It may be called at any time, also while executors work, and
// concurrently if db allows that. It reads all jobs and attempts, and sets no
// limit of time: the caller's ctx does.
func Violations(ctx context.Context, db Querier) ([]Violation, error) {
	rows, err := db.Query(ctx, violationsSQL, TimeRules())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Violation])
}

// checkInvariants reports violations. It leaves out pool_limit, which the check
// of pools reports with its remedy, and says once what a clock left behind.
func checkInvariants(ctx context.Context, _ *target, tx pgx.Tx) ([]Diagnosis, error) {
	violations, err := Violations(ctx, tx)
	var list []Diagnosis
	clock := ""
	for _, v := range violations {
		switch {
		case v.Rule == "pool_limit":
		case slices.Contains(TimeRules(), v.Rule):
			clock = cmp.Or(clock, v.Detail)
		default:
			list = append(list, Diagnosis{Level: Finding, Detail: fmt.Sprintf("a promise is broken (%s): %s", v.Rule, v.Detail),
				Remedy: "Somebody changed the tables by hand or without their triggers, as replication of some of them does, or tagexec has a mistake: report it, with the rows it names."})
		}
	}
	if clock != "" {
		list = append(list, info("the server's clock was set back at some time, which breaks no promise: %s", clock)...)
	}
	return list, err
}
