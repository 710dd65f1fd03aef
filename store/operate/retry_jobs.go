package operate

import "context"

const retryJobsSQL = `-- tagexec: retry jobs
SELECT tagexec.retry_jobs(` + selected + `, @reason::text)`

// RetryJobs makes those of the jobs pending again that have ended, wait out a pause, or
// are being cancelled. It returns how many it touched. At most 10,000 a call.
func (a *Actor) RetryJobs(ctx context.Context, s Selection, o Order) (int, error) {
	return value[int](ctx, a, "retry jobs", o, retryJobsSQL, s.args(o))
}
