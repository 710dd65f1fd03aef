package report

import "context"

// Its index leads to the jobs of a batch, but in no order of ours: they are all read. The
// LIMIT keeps the planner from walking through all jobs in order instead.
const jobsOfBatchSQL = `-- tagexec: list jobs of a batch
SELECT ` + jobColumns + `
  FROM (SELECT * FROM tagreport.jobs w WHERE w.batch = @batch::text LIMIT @window::int) j` + matches + `
     AND j.id < @id::bigint
   ORDER BY j.id DESC
   LIMIT @limit::int`

// jobsOfBatch looks at up to window jobs of the batch.
func (r *Reader) jobsOfBatch(ctx context.Context, f JobFilter, from *Place, limit, window int) (page JobPage, err error) {
	if from == nil {
		from = end()
	}
	args := f.args(limit)
	args["batch"], args["id"], args["window"] = f.Batch, from.ID, window
	if page.Jobs, err = r.jobs(ctx, f, jobsOfBatchSQL, args); err != nil {
		return JobPage{}, err
	}
	if n := len(page.Jobs); n == limit {
		page.Next = &Place{page.Jobs[n-1].CreatedAt, page.Jobs[n-1].ID}
	}
	return page, nil
}
