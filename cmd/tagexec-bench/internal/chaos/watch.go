package chaos

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/cmd/internal/wait"
)

const (
	limitsEvery = 50 * time.Millisecond
	tablesEvery = time.Second
)

// One snapshot of what runs. A pool may be over its size only by attempts that all
// ran when it last shrank. They are noted in its description: their times would not
// tell, because the server's clock may have been set since.
const limitsSQL = `-- chaos: limits
SELECT 'limit_in_table' AS rule,
       format('pool %s has %s slots and %s in use by %s; when it last shrank, %s ran',
              p.pool, p.slots, sum(j.slots), array_agg(j.id || '/' || j.attempt), coalesce(nullif(p.description, ''), 'it never did: none')) AS detail
  FROM tagexec.tag_pools p
  JOIN tagexec.tag_jobs j ON j.pool = p.pool AND j.state = 'running'
 WHERE p.slots IS NOT NULL
 GROUP BY p.pool, p.slots, p.description
HAVING sum(j.slots) > p.slots
   AND (p.description = '' OR bool_or(CASE WHEN p.description LIKE '{%' THEN j.id || '/' || j.attempt <> ALL (p.description::text[]) END))
UNION ALL
SELECT 'limit_in_table', format('mutex key %s is held by jobs %s', mutex_key, array_agg(id))
  FROM tagexec.tag_jobs
 WHERE state = 'running' AND mutex_key IS NOT NULL
 GROUP BY mutex_key
HAVING count(*) > 1`

// watchLimits samples the limits until ctx ends.
func (b *testbed) watchLimits(ctx context.Context) {
	for ctx.Err() == nil {
		found, err := b.overLimits(ctx)
		if err == nil {
			b.limitSamples.Add(1)
		}
		for _, f := range found {
			b.findings.add(f.Rule, "%s", f.Detail)
		}
		b.watchError(ctx, "limits", err)
		wait.For(ctx, limitsEvery)
	}
}

// overLimits returns the pools and keys of which more is in use than there is.
func (b *testbed) overLimits(ctx context.Context) ([]Finding, error) {
	return collect(ctx, b.db, limitsSQL, pgx.RowToStructByPos[Finding])
}

// watchTables checks the invariants of the tables, and counts, until ctx ends.
func (b *testbed) watchTables(ctx context.Context) {
	const counts = `
		SELECT count(*) FILTER (WHERE state = 'pending'), count(*) FILTER (WHERE state NOT IN ('pending', 'running')), count(*)
		  FROM tagexec.tag_jobs`
	waiting := delays{}
	for ctx.Err() == nil {
		var pending, done, total int64
		err := b.db.QueryRow(ctx, counts).Scan(&pending, &done, &total)
		if err == nil {
			b.pending.Store(pending)
			b.done.Store(done)
			b.total.Store(total)
			err = b.checkTables(ctx, &waiting)
		}
		b.watchError(ctx, "tables", err)
		wait.For(ctx, tablesEvery)
	}
}

// checkTables asks for violations; the limits of pools, which change, are
// watchLimits's.
func (b *testbed) checkTables(ctx context.Context, waiting *delays) error {
	violations, err := b.violations(ctx)
	if err != nil {
		return err
	}
	b.tablesSamples.Add(1)
	for _, v := range violations {
		if v.Rule != "table_pool_limit" {
			b.findings.add(v.Rule, "%s", v.Detail)
		}
	}
	waits, err := collect(ctx, b.db, waitsForAnalystSQL, pgx.RowToStructByPos[Finding])
	if err != nil {
		return err
	}
	for _, f := range waits {
		b.findings.add(f.Rule, "%s", f.Detail)
	}
	return waiting.check(ctx, b)
}

func (b *testbed) watchError(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil && !passing(err) {
		b.findings.add("watch_error", "%s: %v", what, err)
	}
}
