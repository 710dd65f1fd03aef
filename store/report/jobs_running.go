package report

import "context"

// So many run at most as there are workers: the index has them all.
const runningJobsSQL = `-- tagexec: list running jobs
SELECT ` + jobColumns + `
  FROM (SELECT * FROM tagreport.jobs w WHERE w.state = 'running') j` + matches + `
   ORDER BY j.started_at, j.id
   LIMIT @limit::int`

func (r *Reader) runningJobs(ctx context.Context, f JobFilter, limit int) ([]Job, error) {
	return r.jobs(ctx, f, runningJobsSQL, f.args(limit))
}
