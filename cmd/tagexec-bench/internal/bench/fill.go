package bench

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
)

// fill is what a queue holds when a run begins.
type fill struct {
	pending  int
	finished int    // jobs that ended before, with 10 attempts for 3 of them; their ids come first
	plain    bool   // neither batch nor biz_date nor dedupe_key
	pool     string // "" for default
	keys     int    // mutex keys the jobs are spread over; 0: none
	blocked  int    // jobs in front of them that cannot run
	cause    string // why not
	bare     bool   // see bareSQL
	peer     string // whose queue it is; "": ours
}

const (
	// kind is what bench's own jobs are of: no other executor takes them.
	kind = "bench"

	// roomyPool is limited, but far above what any run takes.
	roomyPool  = "bench roomy"
	roomySlots = 1_000_000

	// Rows filled by one statement.
	fillRows = 50_000
)

const prepareSQL = `
INSERT INTO tagexec.tag_kinds (kind) VALUES ('` + kind + `') ON CONFLICT DO NOTHING`

const roomySQL = `INSERT INTO tagexec.tag_pools (pool, slots) VALUES ($1, $2) ON CONFLICT (pool) DO NOTHING`

// bareSQL makes of the table what it would be without tagexec: no triggers, and in a CHECK
// what they say of one row alone. dressSQL takes that back.
const (
	bareSQL = `
ALTER TABLE tagexec.tag_jobs DISABLE TRIGGER USER, ADD CONSTRAINT bench_rules CHECK (
    char_length(tag) BETWEEN 1 AND 200 AND char_length(batch) BETWEEN 1 AND 500 AND isfinite(biz_date)
    AND char_length(dedupe_key) BETWEEN 1 AND 500 AND slots >= 1 AND priority BETWEEN 0 AND 9
    AND timeout_seconds > 0 AND max_attempts BETWEEN 1 AND 100)`

	dressSQL = `
ALTER TABLE tagexec.tag_jobs ENABLE TRIGGER USER, DROP CONSTRAINT IF EXISTS bench_rules`
)

// rowSQL is what a job of the bench looks like, as values for the columns of
// jobColumns, made from a number n: a payload of 70 bytes or so, 500 jobs to a
// batch.
const (
	jobColumns = `tag, kind, payload, batch, biz_date, dedupe_key`
	jobValues  = `'tag_' || n % 500, '` + kind + `', jsonb_build_object('n', n, 'source', 'warehouse', 'file', 'tags/high_value.sql')`
	labels     = `, 'daily_tags/2026-01-01/' || n / 500, date '2026-01-01', 'daily_tags/2026-01-01/' || n / 500 || '/tag_' || n % 500`
	noLabels   = `, NULL, NULL, NULL`
)

func (f fill) values() string {
	if f.plain {
		return jobValues + noLabels
	}
	return jobValues + labels
}

// pendingSQL: $1 to $2 are numbers of jobs, $3 their pool, $4 the number of keys.
func (f fill) pendingSQL() string {
	return `INSERT INTO tagexec.tag_jobs (` + jobColumns + `, pool, mutex_key)
SELECT ` + f.values() + `, coalesce(nullif($3::text, ''), 'default'), 'key ' || n % nullif($4::bigint, 0)
  FROM generate_series($1::bigint, $2::bigint) n`
}

// finishedSQL: one job in three took four attempts, the others three; they
// ended one a second.
func (f fill) finishedSQL() string {
	return `WITH ended AS (
    INSERT INTO tagexec.tag_jobs (` + jobColumns + `, state, attempt, attempt_is_past, executor_id, created_at, run_at, started_at, finished_at, deadline_at)
    SELECT ` + f.values() + `, 'succeeded', 3 + (n % 3 = 0)::integer, true, $3::uuid, t, t, t + interval '1 s', t + interval '2 s', t + interval '1 h'
      FROM generate_series($1::bigint, $2::bigint) n
     CROSS JOIN LATERAL (SELECT now() - interval '1 year' + n * interval '1 s' AS t) u
 RETURNING id, attempt, created_at, started_at, finished_at, tag, kind, pool, slots, batch
)
INSERT INTO tagexec.tag_past_attempts (job_id, attempt, executor_id, hostname, queued_at, started_at, finished_at, outcome, tag, kind, pool, slots, batch)
SELECT e.id, a, $3::uuid, 'bench', e.created_at, e.started_at, e.finished_at, CASE WHEN a = e.attempt THEN 'succeeded' ELSE 'interrupted' END, e.tag, e.kind, e.pool, e.slots, e.batch
  FROM ended e
 CROSS JOIN LATERAL generate_series(1, e.attempt) a`
}

// put fills an empty queue of ours.
func (f fill) put(ctx context.Context, db *pgxpool.Pool, show func(done, total int, detail string)) error {
	if _, err := db.Exec(ctx, prepareSQL); err != nil {
		return err
	}
	if _, err := db.Exec(ctx, roomySQL, roomyPool, roomySlots); err != nil {
		return err
	}
	if err := f.putBlocked(ctx, db); err != nil {
		return fmt.Errorf("fill the queue: %w", err)
	}
	total := f.finished + f.pending
	executor := uuid.New()
	for from := 1; from <= total; {
		to := min(from+fillRows-1, total)
		sql, args := f.pendingSQL(), []any{from, to, f.pool, f.keys}
		if from <= f.finished {
			to = min(to, f.finished)
			sql, args = f.finishedSQL(), []any{from, to, executor}
		}
		if _, err := db.Exec(ctx, sql, args...); err != nil {
			return fmt.Errorf("fill the queue: %w", err)
		}
		show(to, total, "filling the queue")
		from = to + 1
	}
	if f.bare {
		if _, err := db.Exec(ctx, bareSQL); err != nil {
			return err
		}
	}
	_, err := db.Exec(ctx, "VACUUM (ANALYZE) tagexec.tag_jobs, tagexec.tag_past_attempts, tagexec.tag_batches")
	return err
}
