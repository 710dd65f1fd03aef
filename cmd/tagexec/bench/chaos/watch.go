package chaos

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store"
)

const (
	limitsEvery = 50 * time.Millisecond
	tablesEvery = time.Second
)

// One snapshot of what runs. A pool may be over its size only by jobs that all
// started before it last shrank, which is noted in its description.
const limitsSQL = `-- chaos: limits
SELECT 'limit_in_table' AS rule,
       format('pool %s has %s slots and %s in use, the last taken at %s; it last shrank at %s',
              p.pool, p.slots, sum(j.slots), max(j.started_at), coalesce(nullif(p.description, ''), 'no time')) AS detail
  FROM tagexec.tag_pools p
  JOIN tagexec.tag_jobs j ON j.pool = p.pool AND j.state = 'running'
 WHERE p.slots IS NOT NULL
 GROUP BY p.pool, p.slots, p.description
HAVING sum(j.slots) > p.slots AND (p.description = '' OR max(j.started_at) > p.description::timestamptz)
UNION ALL
SELECT 'limit_in_table', format('mutex key %s is held by jobs %s', mutex_key, array_agg(id))
  FROM tagexec.tag_jobs
 WHERE state = 'running' AND mutex_key IS NOT NULL
 GROUP BY mutex_key
HAVING count(*) > 1`

// watchLimits samples the limits until ctx ends.
func (a *arena) watchLimits(ctx context.Context) {
	for ctx.Err() == nil {
		rows, err := a.db.Query(ctx, limitsSQL)
		if err == nil {
			var found []Finding
			if found, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Finding]); err == nil {
				a.limitSamples.Add(1)
			}
			for _, f := range found {
				a.findings.add(f.Rule, "%s", f.Detail)
			}
		}
		a.watchError(ctx, "limits", err)
		pause(ctx, limitsEvery)
	}
}

// watchTables checks the invariants of the tables, and counts, until ctx ends.
func (a *arena) watchTables(ctx context.Context) {
	const counts = `
		SELECT count(*) FILTER (WHERE state = 'pending'), count(*) FILTER (WHERE state NOT IN ('pending', 'running')), count(*)
		  FROM tagexec.tag_jobs`
	for ctx.Err() == nil {
		var pending, done, total int64
		err := a.db.QueryRow(ctx, counts).Scan(&pending, &done, &total)
		if err == nil {
			a.pending.Store(pending)
			a.done.Store(done)
			a.total.Store(total)
			err = a.checkTables(ctx)
		}
		a.watchError(ctx, "tables", err)
		pause(ctx, tablesEvery)
	}
}

// Producers here ask for no time, so what waits longer than the longest delay
// after its failures was delayed without a cause.
const delaysSQL = `-- chaos: delays
SELECT 'retry_delay' AS rule,
       format('job %s waits from %s to %s after %s failures in %s attempts: %s', id, finished_at, run_at, failures, attempt, error) AS detail
  FROM tagexec.tag_jobs
 WHERE state = 'pending'
   AND run_at > now() + interval '5 s' * 2 ^ (greatest(failures, 1) - 1)`

// checkTables asks for violations; the limits of pools, which change, are
// watchLimits's.
func (a *arena) checkTables(ctx context.Context) error {
	violations, err := store.Violations(ctx, a.db)
	if err != nil {
		return err
	}
	a.tablesSamples.Add(1)
	for _, v := range violations {
		if v.Rule != "pool_limit" {
			a.findings.add("table_"+v.Rule, "%s", v.Detail)
		}
	}
	delays, err := collect(ctx, a.db, delaysSQL, pgx.RowToStructByPos[Finding])
	for _, f := range delays {
		a.findings.add(f.Rule, "%s", f.Detail)
	}
	return err
}

func (a *arena) watchError(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil && !passing(err) {
		a.findings.add("watch_error", "%s: %v", what, err)
	}
}
