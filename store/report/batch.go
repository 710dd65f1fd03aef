package report

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// maxBatchCount is where counts of one batch end. One more stands for more.
const maxBatchCount = 100_000

// BatchDetail is a row of tagreport.batches, with counts that end at 100,001 each.
type BatchDetail struct {
	Batch             string     `json:"batch"`
	DagID             *string    `json:"dag_id"`
	RunID             *string    `json:"run_id"`
	TaskID            *string    `json:"task_id"`
	MapIndex          *int       `json:"map_index"`
	TryNumber         *int       `json:"try_number"`
	LogicalDate       *time.Time `json:"logical_date"`
	LogURL            *string    `json:"log_url"`
	CreatedAt         time.Time  `json:"created_at"`
	CreatedBy         string     `json:"created_by"`
	SubmitCount       int        `json:"submit_count"`
	DueAt             *time.Time `json:"due_at"`
	ExpiresAt         *time.Time `json:"expires_at"`
	CancelRequestedAt *time.Time `json:"cancel_requested_at"`
	CancelReason      *string    `json:"cancel_reason"`
	Counts
}

const batchSQL = `-- tagexec: show batch
SELECT b.batch, b.dag_id, b.run_id, b.task_id, b.map_index, b.try_number, b.logical_date, b.log_url, b.created_at, b.created_by::text AS created_by,
       b.submit_count, b.due_at, b.expires_at, b.cancel_requested_at, b.cancel_reason,` + countedJobs + `
  FROM tagreport.batches b
 WHERE b.batch = @batch::text`

// Batch returns a batch with its jobs counted by state. The error is a *MissingError
// if there is none of this key.
func (r *Reader) Batch(ctx context.Context, batch string) (b BatchDetail, err error) {
	b, err = one[BatchDetail](ctx, r, "show batch", analyst, batchSQL, pgx.StrictNamedArgs{"batch": batch, "most": maxBatchCount}, noBatch(batch))
	b.sum(maxBatchCount)
	return b, err
}
