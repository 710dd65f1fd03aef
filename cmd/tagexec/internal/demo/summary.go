package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Querier is a connection, a pool or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// TagCount is the size of one tag on a business date.
type TagCount struct {
	Tag       string
	Customers int64
	// Share is the part of all customers who bought up to the date, 0 to 1.
	Share float64
	// Entered and Departed compare with the previous month end; nil until the job tag_movement has run, and for tags
	// that everyone has.
	Entered  *int64
	Departed *int64
}

// Counted from the tags themselves and not read from demo.tag_counts, so that the summary is right also when a
// follow-up job failed.
const tagCountsSQL = `
-- demo: customers per tag
SELECT t.tag,
       coalesce(u.customers, 0) AS customers,
       coalesce(u.customers, 0)::float8 / everyone.customers AS share,
       c.entered::bigint AS entered,
       c.departed::bigint AS departed
FROM demo.tags t
CROSS JOIN (
    SELECT greatest(count(*), 1) AS customers
    FROM demo.history($1::date)
) everyone
LEFT JOIN (
    SELECT tag, count(*) AS customers
    FROM demo.user_tags
    WHERE biz_date = $1::date
    GROUP BY tag
) u
    ON u.tag = t.tag
LEFT JOIN demo.tag_counts c
    ON c.tag = t.tag
    AND c.biz_date = $1::date
ORDER BY t.tag`

// TagCounts returns every tag of the catalogue with its customers on a business date (YYYY-MM-DD).
func TagCounts(ctx context.Context, db Querier, bizDate string) ([]TagCount, error) {
	return collect[TagCount](ctx, db, "count customers per tag", tagCountsSQL, bizDate)
}

// StateCount is the number of the demo's jobs in one state.
type StateCount struct {
	State string
	Jobs  int64
}

const stateCountsSQL = `
-- demo: jobs per state
SELECT state, count(*) AS jobs
FROM tagexec.tag_jobs
WHERE batch LIKE 'demo:%'
GROUP BY state
ORDER BY state`

// StateCounts returns the states that the demo's jobs are in.
func StateCounts(ctx context.Context, db Querier) ([]StateCount, error) {
	return collect[StateCount](ctx, db, "count jobs per state", stateCountsSQL)
}

// RunTotal sums up the ended attempts of the demo's jobs.
type RunTotal struct {
	Attempts int64
	// RunSeconds is the time the attempts took together: more than the wall time when they ran side by side.
	RunSeconds float64
}

const runTotalSQL = `
-- demo: run seconds
SELECT count(*) AS attempts,
       coalesce(sum(extract(epoch FROM a.finished_at - a.started_at)), 0)::float8 AS run_seconds
FROM tagexec.tag_job_attempts a
JOIN tagexec.tag_jobs j
    ON j.id = a.job_id
WHERE j.batch LIKE 'demo:%'`

// RunTotals returns the number of attempts and their time.
func RunTotals(ctx context.Context, db Querier) (RunTotal, error) {
	totals, err := collect[RunTotal](ctx, db, "sum run seconds", runTotalSQL)
	if err != nil {
		return RunTotal{}, err
	}
	return totals[0], nil
}

// RetriedAttempt is one attempt of a job that did not succeed at once.
type RetriedAttempt struct {
	JobID      int64
	Tag        string
	BizDate    time.Time
	State      string
	Attempt    int
	StartedAt  time.Time
	RunSeconds float64
	Outcome    string
	ExitCode   *int
	ErrorCode  *string
	Error      *string
}

const retriedAttemptsSQL = `
-- demo: attempts of retried jobs
SELECT j.id AS job_id,
       j.tag,
       j.biz_date,
       j.state,
       a.attempt,
       a.started_at,
       extract(epoch FROM a.finished_at - a.started_at)::float8 AS run_seconds,
       a.outcome,
       a.exit_code,
       a.error_code,
       a.error
FROM tagexec.tag_jobs j
JOIN tagexec.tag_job_attempts a
    ON a.job_id = j.id
WHERE j.batch LIKE 'demo:%'
  AND j.attempt > 1
ORDER BY j.id, a.attempt`

// RetriedAttempts returns every attempt of the demo's jobs that were started more than once, in order.
func RetriedAttempts(ctx context.Context, db Querier) ([]RetriedAttempt, error) {
	return collect[RetriedAttempt](ctx, db, "list retried jobs", retriedAttemptsSQL)
}

func collect[T any](ctx context.Context, db Querier, verb, sql string, args ...any) ([]T, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", verb, err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[T])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", verb, err)
	}
	return found, nil
}

// Peak is the most that ran at the same moment under a limit.
type Peak struct {
	// Limit names it: "pool warehouse" or "mutex key tag_counts".
	Limit string
	// Most is in slots for a pool and in jobs for a mutex key.
	Most int64
	// Allowed is what the limit allows.
	Allowed int64
	Jobs    int64
}

// Read from the history: +slots where an attempt starts, -slots where it ends;
// at the same moment ends come first.
const peaksSQL = `
-- demo: peaks
WITH held AS (
    SELECT 'pool ' || j.pool AS held_limit, p.slots AS allowed, j.slots, a.started_at, a.finished_at
    FROM tagexec.tag_job_attempts a
    JOIN tagexec.tag_jobs j
        ON j.id = a.job_id
    JOIN tagexec.tag_pools p
        ON p.pool = j.pool
        AND p.slots IS NOT NULL
    UNION ALL
    SELECT 'mutex key ' || j.mutex_key, 1, 1, a.started_at, a.finished_at
    FROM tagexec.tag_job_attempts a
    JOIN tagexec.tag_jobs j
        ON j.id = a.job_id
    WHERE j.mutex_key IS NOT NULL
), moments AS (
    SELECT held_limit, allowed, 1 AS jobs,
           sum(change) OVER (PARTITION BY held_limit ORDER BY at, change) AS used, change
    FROM held
    CROSS JOIN LATERAL (VALUES (started_at, slots), (finished_at, -slots)) m (at, change)
)
SELECT held_limit AS "limit",
       max(used)::bigint AS most,
       max(allowed)::bigint AS allowed,
       count(*) FILTER (WHERE change > 0) AS jobs
FROM moments
GROUP BY held_limit
ORDER BY held_limit DESC`

// Peaks returns how far each limit of the demo was used.
func Peaks(ctx context.Context, db Querier) ([]Peak, error) {
	return collect[Peak](ctx, db, "find the peaks", peaksSQL)
}
