package report

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Wait is a row of tagexec.explain_batch: why some unfinished jobs of a batch do not run
// yet, with what is known of the first of them.
type Wait struct {
	Reason       string  `json:"reason"` // a word, such as pool_full
	Detail       string  `json:"detail"` // a sentence
	Jobs         int     `json:"jobs"`
	Ahead        *int    `json:"ahead"` // due jobs of others that come first; 100,001 stands for more
	ExampleJobID int64   `json:"example_job_id"`
	ExampleTag   *string `json:"example_tag"`
	Kind         *string `json:"kind"`
	Pool         *string `json:"pool"`
	Slots        *int    `json:"slots"` // of that pool
}

// waitsLimit ends the question on the server. 100,000 jobs, where it stops counting, took a third of that.
const waitsLimit = 3 * time.Second

const waitsSQL = `-- tagexec: explain batch
SELECT e.reason, e.detail, e.jobs, e.ahead, e.example_job_id, j.tag AS example_tag, j.kind, j.pool, p.slots
  FROM tagexec.explain_batch(@batch::text) WITH ORDINALITY e (reason, detail, jobs, example_job_id, ahead, n)
  LEFT JOIN tagreport.jobs j ON j.id = e.example_job_id
  LEFT JOIN tagreport.pools p ON p.pool = j.pool
 ORDER BY e.n`

// Waits returns what the unfinished jobs of a batch wait for, those of most jobs first,
// and last those that run; none if the batch is settled. The error is a *MissingError if
// there is no such batch. It looks at each of these jobs, and a large batch has many, so
// it may take longer than other questions.
func (r *Reader) Waits(ctx context.Context, batch string) ([]Wait, error) {
	r = r.Within(max(r.limit, waitsLimit))
	return ask[Wait](ctx, r, "look why the batch waits", analyst, waitsSQL, pgx.StrictNamedArgs{"batch": batch})
}
