package report

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// JobDetail is all of a job, with its attempts, the latest first.
type JobDetail struct {
	Job
	DagID       *string         `json:"dag_id"`
	RunID       *string         `json:"run_id"`
	TaskID      *string         `json:"task_id"`
	MapIndex    *int            `json:"map_index"`
	TryNumber   *int            `json:"try_number"`
	LogicalDate *time.Time      `json:"logical_date"`
	LogURL      *string         `json:"log_url"`
	Explanation string          `json:"explanation" db:"explanation"` // what explain_job says
	Payload     json.RawMessage `json:"payload,omitempty" db:"-"`
	Result      json.RawMessage `json:"result,omitempty" db:"-"`
	Withheld    *RefusedError   `json:"-" db:"-"` // why there is no payload and result
	Attempts    []Attempt       `json:"attempts" db:"-"`
}

const jobDetailSQL = `-- tagexec: show job
SELECT ` + jobColumns + `,
       j.dag_id, j.run_id, j.task_id, j.map_index, j.try_number, j.logical_date, j.log_url, tagexec.explain_job(j.id) AS explanation
  FROM tagreport.jobs j
 WHERE j.id = @id::bigint`

const jobContentSQL = `-- tagexec: show payload
SELECT j.payload::text AS payload, coalesce(j.result, 'null')::text AS result
  FROM tagexec.tag_jobs j
 WHERE j.id = @id::bigint`

type jobContent struct {
	Payload string
	Result  string
}

// JobDetail returns a job. Payload and result are missing for a login that may not
// read them: Withheld says who may. The error is a *MissingError if there is none.
func (r *Reader) JobDetail(ctx context.Context, id int64) (d JobDetail, err error) {
	args := pgx.StrictNamedArgs{"id": id}
	if d, err = one[JobDetail](ctx, r, "show job", analyst, jobDetailSQL, args, noJob(id)); err != nil {
		return JobDetail{}, err
	}
	content, err := one[jobContent](ctx, r, "read payload and result", viewer, jobContentSQL, args, noJob(id))
	switch {
	case errors.As(err, &d.Withheld):
	case err != nil:
		return JobDetail{}, err
	default:
		d.Payload, d.Result = json.RawMessage(content.Payload), json.RawMessage(content.Result)
	}
	d.Attempts, err = r.Attempts(ctx, id)
	return d, err
}
