package sql

import (
	"context"
	"time"
)

// LimitMargin is how much later than the job's own deadline a server ends a statement by
// itself: it only has to when the executor is gone. tagexec.explain_job says it too.
const LimitMargin = 10 * time.Second

// Limit is how long a server may run a statement of a job, from now on; false if the job has
// all the time that it needs.
func Limit(job context.Context) (time.Duration, bool) {
	deadline, ok := job.Deadline()
	return time.Until(deadline) + LimitMargin, ok
}
