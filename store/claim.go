package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// setClaimed and returnClaimed are the parts that all claims share, and so are
// their first parameters: $1 executor, $2 default timeout in seconds, $3 most
// jobs to take, $4 kinds. started_at is the time of the statement, not of its transaction: claims of a limited
// pool rely on it being later than their lock.
const (
	setClaimed = `
UPDATE tagexec.tag_jobs t
   SET state = 'running', attempt = t.attempt + 1, executor_id = $1,
       started_at = statement_timestamp(), finished_at = NULL,
       deadline_at = statement_timestamp() + make_interval(secs => coalesce(t.timeout_seconds, $2::double precision))
 WHERE t.state = 'pending'
   AND t.id = ANY (ARRAY(`
	returnClaimed = `))
RETURNING t.id, t.attempt, t.executor_id, t.tag, t.kind, t.payload, t.batch, t.biz_date, t.pool, t.slots, t.priority,
          t.mutex_key, t.timeout_seconds, t.max_attempts, t.failures, t.crashes, t.run_at`
)

// Claim takes up to n due jobs for the executor, highest priority first, and
// returns them in that order. Fewer than n means that nothing else can run
// right now. When the answer of the database is lost, jobs may stay claimed
// that nobody knows of: Running shows them.
func (q *Queue) Claim(ctx context.Context, executor uuid.UUID, n int) ([]Job, error) {
	jobs, err := q.claim(ctx, executor, n)
	if err != nil && len(jobs) == 0 {
		return nil, fmt.Errorf("claim jobs: %w", err)
	}
	slices.SortStableFunc(jobs, func(a, b Job) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), a.RunAt.Compare(b.RunAt), cmp.Compare(a.ID, b.ID))
	})
	return jobs, nil
}

func (q *Queue) claim(ctx context.Context, executor uuid.UUID, n int) ([]Job, error) {
	surveyed := q.survey.due()
	if surveyed {
		jobs, all, err := q.claimFew(ctx, executor, n)
		if all || err != nil {
			return jobs, err
		}
		if err := q.look(ctx); err != nil {
			return nil, err
		}
	}
	jobs, err := q.claimKnown(ctx, executor, n)
	// Short: what the hints passed over may be due, if looking is not too dear.
	if err == nil && len(jobs) < n && !surveyed && q.survey.affordable() {
		if err = q.look(ctx); err != nil {
			return jobs, err // what was claimed is kept; the next claim reports it
		}
		var more []Job
		more, err = q.claimKnown(ctx, executor, n-len(jobs))
		jobs = append(jobs, more...)
	}
	return jobs, err
}

// claimKnown claims from the lanes that were seen to hold work.
func (q *Queue) claimKnown(ctx context.Context, executor uuid.UUID, n int) ([]Job, error) {
	var jobs []Job
	for _, step := range q.survey.steps() {
		free := n - len(jobs)
		if free == 0 {
			break
		}
		var (
			claimed []Job
			err     error
		)
		switch {
		case q.Batch != "" && step.limited:
			claimed, err = q.claimLimitedBatch(ctx, executor, step.pool, free)
		case q.Batch != "":
			claimed, err = q.claimBatch(ctx, executor, free)
		case step.limited:
			claimed, err = q.claimLimited(ctx, executor, step, free)
		case step.keyed:
			claimed, err = q.claimKeyed(ctx, executor, step.pool, free)
		default:
			claimed, err = q.claimLanes(ctx, executor, step.lanes, free)
		}
		jobs = append(jobs, claimed...)
		if err != nil {
			return jobs, err
		}
	}
	return jobs, nil
}

// claimLanes: unlimited pools, jobs without a mutex key. The order of the
// lanes is the order of the claim; each starts behind its hint. A pool that was
// paused or limited since the last look is left out. It must be ANY (ARRAY(…)):
// joined, the planner was seen to scan the table.
const claimLanesSQL = `-- tagexec: claim` + setClaimed + `
    SELECT j.id
      FROM unnest($5::text[], $6::smallint[], $7::timestamptz[], $8::bigint[]) l (pool, priority, after_run_at, after_id)
     CROSS JOIN LATERAL (
           SELECT q.id
             FROM tagexec.tag_jobs q
            WHERE (SELECT p.slots IS NULL AND NOT p.paused FROM tagexec.tag_pools p WHERE p.pool = l.pool)
              AND q.state = 'pending'
              AND q.mutex_key IS NULL
              AND q.pool = l.pool
              AND q.priority = l.priority
              AND q.run_at <= now()
              AND (q.run_at, q.id) > (l.after_run_at, l.after_id)
              AND q.kind = ANY ($4::text[])
              AND q.crashes < 2
            ORDER BY q.run_at, q.id
            LIMIT $3
              FOR UPDATE SKIP LOCKED) j
     LIMIT $3` + returnClaimed

func (q *Queue) claimLanes(ctx context.Context, executor uuid.UUID, lanes []*lane, n int) ([]Job, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	pools, priorities, runAts, ids := laneArrays(lanes)
	rows, err := q.db.Query(ctx, claimLanesSQL, executor, q.Timeout.Seconds(), n, q.Kinds, pools, priorities, runAts, ids)
	if err != nil {
		return nil, err
	}
	jobs, err := pgx.AppendRows(make([]Job, 0, n), rows, scanJob)
	q.survey.taken(lanes, jobs, len(jobs) < n)
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

func scanJob(row pgx.CollectableRow) (j Job, err error) {
	return j, row.Scan(j.columns()...)
}

// collectClaimed reads a statement that returns other columns, into others,
// beside each job, and also when there is no job.
func collectClaimed(rows pgx.Rows, others ...any) ([]Job, error) {
	defer rows.Close()
	var jobs []Job
	for rows.Next() {
		var j Job
		columns := j.columns()
		claimed := rows.RawValues()[len(others)] != nil
		if !claimed {
			clear(columns) // a nil is a column that is not wanted
		}
		if err := rows.Scan(append(slices.Clone(others), columns...)...); err != nil {
			return nil, err
		}
		if claimed {
			jobs = append(jobs, j)
		}
	}
	return jobs, rows.Err()
}

// columns are where the columns of returnClaimed go. The conversions spare
// each row a detour by json.Unmarshal and database/sql.
func (j *Job) columns() []any {
	return []any{&j.ID, &j.Attempt, (*[16]byte)(&j.Executor), &j.Tag, &j.Kind, (*[]byte)(&j.Payload), &j.Batch, &j.BizDate, &j.Pool, &j.Slots, &j.Priority,
		&j.MutexKey, &j.TimeoutSeconds, &j.MaxAttempts, &j.Failures, &j.Crashes, &j.RunAt}
}
