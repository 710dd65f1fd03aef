package report

import "context"

// maxWaiting is how many jobs of a pool are looked at, of those with a mutex key and
// of those without.
const maxWaiting = 5_000

// The pools are those with pending jobs: each is found from the one before it, as
// counting them would read all that wait.
const pendingJobsSQL = `-- tagexec: list pending jobs
WITH RECURSIVE free (pool) AS (
    (SELECT j.pool FROM tagreport.jobs j WHERE j.state = 'pending' AND j.mutex_key IS NULL ORDER BY j.pool LIMIT 1)
    UNION ALL
    SELECT n.pool FROM free f CROSS JOIN LATERAL (
        SELECT j.pool FROM tagreport.jobs j WHERE j.state = 'pending' AND j.mutex_key IS NULL AND j.pool > f.pool ORDER BY j.pool LIMIT 1) n
), keyed (pool) AS (
    (SELECT j.pool FROM tagreport.jobs j WHERE j.state = 'pending' AND j.mutex_key IS NOT NULL ORDER BY j.pool LIMIT 1)
    UNION ALL
    SELECT n.pool FROM keyed k CROSS JOIN LATERAL (
        SELECT j.pool FROM tagreport.jobs j WHERE j.state = 'pending' AND j.mutex_key IS NOT NULL AND j.pool > k.pool ORDER BY j.pool LIMIT 1) n
)
SELECT ` + jobColumns + `
  FROM (SELECT w.*
          FROM free p
         CROSS JOIN LATERAL (SELECT * FROM tagreport.jobs q
                              WHERE q.state = 'pending' AND q.mutex_key IS NULL AND q.pool = p.pool
                              ORDER BY q.priority DESC, q.run_at, q.id LIMIT @most::int) w
         WHERE @pool::text = '' OR p.pool = @pool
        UNION ALL
        SELECT w.*
          FROM keyed p
         CROSS JOIN LATERAL (SELECT * FROM tagreport.jobs q
                              WHERE q.state = 'pending' AND q.mutex_key IS NOT NULL AND q.pool = p.pool
                              ORDER BY q.mutex_key, q.priority DESC, q.run_at, q.id LIMIT @most) w
         WHERE @pool = '' OR p.pool = @pool) j` + matches + `
   ORDER BY j.priority DESC, j.run_at, j.id
   LIMIT @limit::int`

func (r *Reader) pendingJobs(ctx context.Context, f JobFilter, limit int) ([]Job, error) {
	args := f.args(limit)
	args["most"] = maxWaiting
	return r.jobs(ctx, f, pendingJobsSQL, args)
}
