package replay

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store/estimate"
)

const (
	mostBatches  = 100
	mostAttempts = 300_000
)

const traceBatchesSQL = `-- tagexec: replay, batches
SELECT b.batch
  FROM tagreport.batches b
 WHERE starts_with(b.batch, @prefix::text)
 ORDER BY b.created_at DESC
 LIMIT @most`

const tracePoolsSQL = `-- tagexec: replay, pools
SELECT p.pool, coalesce(p.slots, 0), false
  FROM tagreport.pools p`

const traceExecutorsSQL = `-- tagexec: replay, executors
SELECT e.id::text, e.workers, e.kinds, e.pools, coalesce(e.batch, ''), e.started_at,
       coalesce(e.stopped_at, e.reaped_at, e.heartbeat_at + make_interval(secs => e.lease_seconds))
  FROM tagreport.executors e`

// The attempts of a job one after the other. run_at is overwritten by a retry: a job
// is taken to have been due when its first attempt was.
const traceAttemptsSQL = `-- tagexec: replay, attempts
SELECT j.id, j.tag, j.batch, j.kind, j.pool, coalesce(j.mutex_key, ''), j.slots, j.priority, j.max_attempts, coalesce(j.timeout_seconds, 0), j.created_at,
       a.executor_id::text, a.queued_at, a.started_at, a.finished_at, a.outcome,
       a.outcome = 'failed' AND a.attempt = j.attempt AND j.state = 'failed' AND j.failures < j.max_attempts
  FROM tagreport.jobs j
  JOIN tagreport.attempts a ON a.job_id = j.id
 WHERE j.batch = ANY (@batches::text[])
   AND j.state IN ('succeeded', 'failed', 'cancelled')
 ORDER BY j.id, a.attempt
 LIMIT @most`

// Read reads the newest batches whose keys begin so.
func Read(ctx context.Context, db estimate.Querier, name, prefix string) (*Trace, error) {
	t := &Trace{Name: name}
	batches, err := collect(ctx, db, traceBatchesSQL, pgx.StrictNamedArgs{"prefix": prefix, "most": mostBatches}, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read past batches: %w", err)
	}
	if t.Pools, err = collect(ctx, db, tracePoolsSQL, nil, pgx.RowToStructByPos[estimate.Pool]); err != nil {
		return nil, fmt.Errorf("read pools: %w", err)
	}
	t.Executors, err = collect(ctx, db, traceExecutorsSQL, nil, func(row pgx.CollectableRow) (e Executor, err error) {
		return e, row.Scan(&e.ID, &e.Workers, &e.Kinds, &e.Pools, &e.Batch, &e.From, &e.Until)
	})
	if err != nil {
		return nil, fmt.Errorf("read executors: %w", err)
	}
	rows, err := collect(ctx, db, traceAttemptsSQL, pgx.StrictNamedArgs{"batches": batches, "most": mostAttempts}, scanAttempt)
	if err != nil {
		return nil, fmt.Errorf("read past attempts: %w", err)
	}
	for _, r := range rows {
		t.addAttempt(r)
	}
	return t, nil
}

// attemptRow is an attempt with its job.
type attemptRow struct {
	Job
	executor               string
	queued, started, ended time.Time
	outcome                string
	final                  bool
}

func scanAttempt(row pgx.CollectableRow) (r attemptRow, err error) {
	return r, row.Scan(&r.ID, &r.Tag, &r.Batch, &r.Kind, &r.Pool, &r.MutexKey, &r.Slots, &r.Priority, &r.MaxAttempts, &r.TimeoutSeconds, &r.Created,
		&r.executor, &r.queued, &r.started, &r.ended, &r.outcome, &r.final)
}

// addAttempt adds the next attempt of the last job, or the first of another.
func (t *Trace) addAttempt(r attemptRow) {
	if n := len(t.Jobs); n == 0 || t.Jobs[n-1].ID != r.ID {
		r.RunAt = r.queued
		t.Jobs = append(t.Jobs, r.Job)
	}
	j := &t.Jobs[len(t.Jobs)-1]
	if n := len(j.Attempts); n > 0 {
		j.Attempts[n-1].RetryAt = r.queued
	}
	failed := r.outcome == "failed" || r.outcome == "timed_out" || r.outcome == "lost"
	j.Attempts = append(j.Attempts, Attempt{
		Executor: r.executor, Due: r.queued, Started: r.started, Ended: r.ended, Failed: failed, Final: r.final, Counts: failed || r.outcome == "succeeded",
	})
}

func collect[T any](ctx context.Context, db estimate.Querier, sql string, args pgx.StrictNamedArgs, scan pgx.RowToFunc[T]) ([]T, error) {
	var list []any
	if args != nil {
		list = append(list, args)
	}
	rows, err := db.Query(ctx, sql, list...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}
