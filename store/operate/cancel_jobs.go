package operate

import "context"

const cancelJobsSQL = `-- tagexec: cancel jobs
SELECT tagexec.cancel_jobs(` + selected + `, @reason::text)`

// CancelJobs cancels those of the jobs that wait, and asks those to stop that run. It
// returns how many it touched. At most 10,000 a call.
func (a *Actor) CancelJobs(ctx context.Context, s Selection, o Order) (int, error) {
	return value[int](ctx, a, "cancel jobs", o, cancelJobsSQL, s.args(o))
}
