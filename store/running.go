package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Running is one job that the database says an executor runs.
type Running struct {
	Claim
	Cancel  bool // it was asked to stop
	Watched bool // somebody wants to see its output while it runs
}

// Watches are joined as a list: as a table they lead the planner to the wrong index of
// jobs. A later end is of a clock that was set back.
const runningSQL = `-- tagexec: read back
SELECT id, attempt, executor_id, cancel_requested_at IS NOT NULL, id = ANY (ARRAY(SELECT w.job_id
                                                                                     FROM tagexec.tag_output_watches w
                                                                                    WHERE w.until BETWEEN now() AND now() + interval '1 minute'))
  FROM tagexec.tag_jobs
 WHERE state = 'running'
   AND executor_id = $1`

// Running returns what the database says the executor runs.
func (s *session) Running(ctx context.Context) ([]Running, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	rows, err := s.pool.Query(ctx, runningSQL, s.id)
	if err != nil {
		return nil, fmt.Errorf("read back running jobs: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r Running, err error) {
		return r, row.Scan(&r.ID, &r.Attempt, &r.Executor, &r.Cancel, &r.Watched)
	})
	if err != nil {
		return nil, fmt.Errorf("read back running jobs: %w", err)
	}
	return list, nil
}
