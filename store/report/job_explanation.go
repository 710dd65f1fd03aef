package report

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Explanation says why a job does not run, where it runs, or how it ended.
type Explanation struct {
	ID          int64  `json:"id"`
	Tag         string `json:"tag"`
	State       string `json:"state"`
	Attempt     int    `json:"attempt"`
	Explanation string `json:"explanation"`
}

const explanationSQL = `-- tagexec: explain job
SELECT j.id, j.tag, j.state, j.attempt, tagexec.explain_job(j.id) AS explanation
  FROM tagreport.jobs j
 WHERE j.id = @id::bigint`

// Explanation returns the sentence of explain_job. The error is a *MissingError if
// there is no such job.
func (r *Reader) Explanation(ctx context.Context, job int64) (Explanation, error) {
	return one[Explanation](ctx, r, "explain job", analyst, explanationSQL, pgx.StrictNamedArgs{"id": job}, noJob(job))
}
