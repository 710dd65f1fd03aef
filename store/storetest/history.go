package storetest

import "fmt"

const historySQL = `
WITH new AS (
    INSERT INTO tagexec.tag_jobs (tag, created_at, run_at, state, attempt, failures, started_at, finished_at, batch, executor_id, last_outcome, error, last_output)
    SELECT 'tag ' || i %% 50, t, t, o, n, n - 1 + (o = 'failed')::integer, t + interval '1 min' * n, t + interval '1 min' * n + interval '1 s' * (i %% 60), 'b' || i / 1000,
           '00000000-0000-0000-0000-000000000001', CASE o WHEN 'failed' THEN o END, CASE o WHEN 'failed' THEN repeat('x', 200) END, repeat('y', 200)
      FROM (SELECT i, now() - interval '60 days' + i * interval '60 days' / %[1]d AS t, CASE i %% 20 WHEN 0 THEN 'failed' ELSE 'succeeded' END AS o, CASE i %% 10 WHEN 3 THEN 2 ELSE 1 END AS n
              FROM generate_series(1, %[1]d) i) s
 RETURNING *)
INSERT INTO tagexec.tag_past_attempts (job_id, executor_id, queued_at, started_at, finished_at, attempt, hostname, outcome, error, tag, kind, pool, slots, batch)
SELECT id, executor_id, run_at, run_at, run_at + interval '30 s', 1, 'h', 'failed', repeat('x', 200), tag, kind, pool, slots, batch
  FROM new WHERE attempt = 2`

// History inserts n jobs over 60 days up to now, in the order of time as a queue writes
// them, of 50 tags, in batches of 1,000. Each tenth failed once before its last attempt.
// The trigger of inserts is to be off: the batches have no rows.
func (db *DB) History(n int) {
	db.t.Helper()
	db.Exec(fmt.Sprintf(historySQL, n))
}
