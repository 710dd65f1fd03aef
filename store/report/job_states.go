package report

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"
)

// JobState is how a job is now.
type JobState struct {
	ID    int64
	Tag   string
	State string
	Batch *string
}

const jobStatesSQL = `-- tagexec: look at jobs
SELECT j.id, j.tag, j.state, j.batch FROM tagreport.jobs j WHERE j.id = ANY (@ids::bigint[]) ORDER BY j.id`

// JobStates returns how these jobs are. The error is a *MissingError that names the
// first of them that is not there.
func (r *Reader) JobStates(ctx context.Context, ids []int64) ([]JobState, error) {
	list, err := ask[JobState](ctx, r, "look at jobs", analyst, jobStatesSQL, pgx.StrictNamedArgs{"ids": ids})
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if !slices.ContainsFunc(list, func(j JobState) bool { return j.ID == id }) {
			return nil, noJob(id)
		}
	}
	return list, nil
}
