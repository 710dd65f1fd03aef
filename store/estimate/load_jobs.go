package estimate

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

const jobColumns = `j.id, j.tag, coalesce(j.batch, ''), j.kind, j.pool, coalesce(j.mutex_key, ''), j.slots, j.priority, j.run_at, j.failures, j.max_attempts,
       coalesce(j.timeout_seconds, 0), j.state = 'running', j.started_at, coalesce(j.executor_id::text, '')`

func scanJob(row pgx.CollectableRow) (j Job, err error) {
	var (
		running bool
		started *time.Time
	)
	err = row.Scan(&j.ID, &j.Tag, &j.Batch, &j.Kind, &j.Pool, &j.MutexKey, &j.Slots, &j.Priority, &j.RunAt, &j.Failures, &j.MaxAttempts,
		&j.TimeoutSeconds, &running, &started, &j.Executor)
	if running {
		j.StartedAt = *started
	}
	return j, err
}

const ownJobsSQL = `-- tagexec: estimate of batch, its jobs
SELECT ` + jobColumns + `
  FROM tagreport.jobs j
 WHERE j.batch = @batch::text
   AND j.state IN ('pending', 'running')
 LIMIT @most`

const countOwnSQL = `-- tagexec: estimate of batch, count its jobs
SELECT count(*)
  FROM (SELECT FROM tagreport.jobs j WHERE j.batch = @batch::text AND j.state IN ('pending', 'running') LIMIT @most) c`

func (q *Queue) loadJobs(ctx context.Context, db Querier, most limits) error {
	args := pgx.StrictNamedArgs{"batch": q.Batch, "most": most.jobs}
	rows, err := db.Query(ctx, ownJobsSQL, args)
	if err != nil {
		return err
	}
	if q.Jobs, err = pgx.CollectRows(rows, scanJob); err != nil || len(q.Jobs) < most.jobs {
		return err
	}
	args["most"] = most.counted
	all, err := count(ctx, db, countOwnSQL, args)
	q.OwnBeyond = all - len(q.Jobs)
	return err
}

// What others run holds slots, keys and workers. What of theirs waits is read in
// the order of the claim: lane by lane, and of the keys of a pool, which go round,
// the first. Each half of a pool has an index.
const otherJobsSQL = `-- tagexec: estimate of batch, jobs of others
SELECT ` + jobColumns + `
  FROM tagreport.jobs j
 WHERE j.state = 'running'
   AND j.batch IS DISTINCT FROM @batch::text
UNION ALL
SELECT w.*
  FROM unnest(@pools::text[]) p (pool)
 CROSS JOIN LATERAL (
       (SELECT ` + jobColumns + `
          FROM tagreport.jobs j
         WHERE j.state = 'pending'
           AND j.mutex_key IS NULL
           AND j.pool = p.pool
           AND j.batch IS DISTINCT FROM @batch::text
         ORDER BY j.priority DESC, j.run_at, j.id
         LIMIT @most)
       UNION ALL
       (SELECT ` + jobColumns + `
          FROM tagreport.jobs j
         WHERE j.state = 'pending'
           AND j.mutex_key IS NOT NULL
           AND j.pool = p.pool
           AND j.batch IS DISTINCT FROM @batch::text
         ORDER BY j.mutex_key, j.priority DESC, j.run_at, j.id
         LIMIT @most)) w`

// In the order of the index, which then is all that is read.
const countLanesSQL = `-- tagexec: estimate of batch, count jobs of others
SELECT count(*)
  FROM (SELECT FROM tagreport.jobs j WHERE j.state = 'pending' AND j.mutex_key IS NULL AND j.pool = @pool::text ORDER BY j.priority DESC, j.run_at, j.id LIMIT @most) c`

// loadOthers reads as many of each pool as all pools can have.
func (q *Queue) loadOthers(ctx context.Context, db Querier, most limits) error {
	var pools []string
	for i := range q.Pools {
		if !q.Pools[i].Paused {
			pools = append(pools, q.Pools[i].Name)
		}
	}
	n := max(1, (most.jobs-len(q.Jobs))/max(1, 2*len(pools)))
	rows, err := db.Query(ctx, otherJobsSQL, pgx.StrictNamedArgs{"batch": q.Batch, "pools": pools, "most": n})
	if err != nil {
		return err
	}
	others, err := pgx.CollectRows(rows, scanJob)
	if err != nil {
		return err
	}
	for _, pool := range pools {
		if err := q.loadBeyond(ctx, db, pool, others, n, most.counted); err != nil {
			return err
		}
	}
	q.Jobs = append(q.Jobs, others...)
	return nil
}

// loadBeyond counts what is behind the first most jobs of others in a pool, if it is
// claimed before the batch's last.
func (q *Queue) loadBeyond(ctx context.Context, db Querier, pool string, others []Job, most, counted int) error {
	n, own := 0, 0
	var last *Job
	for i := range others {
		if j := &others[i]; j.Pool == pool && j.MutexKey == "" && !j.running() {
			n++
			last = j
		}
	}
	if n < most {
		return nil
	}
	behind := func(j *Job) bool {
		return !j.running() && (j.Priority < last.Priority || j.Priority == last.Priority && j.RunAt.After(last.RunAt))
	}
	if !slices.ContainsFunc(q.Jobs, func(j Job) bool { return behind(&j) }) {
		return nil
	}
	for i := range q.Jobs {
		if j := &q.Jobs[i]; j.Pool == pool && j.MutexKey == "" && !j.running() {
			own++
		}
	}
	all, err := count(ctx, db, countLanesSQL, pgx.StrictNamedArgs{"pool": pool, "most": counted})
	if beyond := all - n - own; beyond > 0 {
		q.Beyond = append(q.Beyond, Lump{Like: last.Like, Priority: last.Priority, RunAt: last.RunAt, Jobs: beyond})
	}
	return err
}

func count(ctx context.Context, db Querier, sql string, args pgx.StrictNamedArgs) (int, error) {
	rows, err := db.Query(ctx, sql, args)
	if err != nil {
		return 0, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowTo[int])
}
