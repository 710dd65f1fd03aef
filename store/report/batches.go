package report

import (
	"cmp"
	"context"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
)

// maxCount is where counts of a list of batches end. One more stands for more.
const maxCount = 1_000

// maxBatches is how many of the newest batches are looked at for open and late ones.
const maxBatches = 2_000

// Batch is a row of tagreport.batches as a list of batches has it: each count ends at
// 1,001.
type Batch struct {
	Batch     string     `json:"batch"`
	DagID     *string    `json:"dag_id"`
	RunID     *string    `json:"run_id"`
	CreatedAt time.Time  `json:"created_at"`
	CreatedBy string     `json:"created_by"`
	DueAt     *time.Time `json:"due_at"`
	ExpiresAt *time.Time `json:"expires_at"`
	Counts
}

// BatchFilter says which batches are wanted.
type BatchFilter struct {
	Open  bool // with jobs that wait or run
	Late  bool // open, and due before now
	Among int  // so many of the newest are looked at for these; 0 is 2,000
	All   bool // look for them among all batches, and not only among the newest 2,000

	DagID        string
	CreatedSince time.Time
	CreatedUntil time.Time // before then
}

const batchesSQL = `-- tagexec: list batches
SELECT b.batch, b.dag_id, b.run_id, b.created_at, b.created_by::text AS created_by, b.due_at, b.expires_at,` + countedJobs + `
  FROM (SELECT w.*
          FROM (SELECT k.batch, k.dag_id, k.run_id, k.created_at, k.created_by, k.due_at, k.expires_at
                  FROM tagreport.batches k
                 WHERE (k.created_at, k.batch) < (@at::timestamptz, @batch::text COLLATE "C")
                   AND (@dag::text = '' OR k.dag_id = @dag)
                   AND (@since::timestamptz IS NULL OR k.created_at >= @since)
                   AND (@until::timestamptz IS NULL OR k.created_at < @until)
                 ORDER BY k.created_at DESC, k.batch DESC
                 LIMIT @window::int) w
         WHERE (NOT @late::bool OR w.due_at < now())
           AND (NOT @open::bool OR EXISTS (SELECT FROM tagreport.jobs j WHERE j.batch = w.batch AND j.state = 'pending')
                                OR EXISTS (SELECT FROM tagreport.jobs j WHERE j.batch = w.batch AND j.state = 'running'))
         ORDER BY w.created_at DESC, w.batch DESC
         LIMIT @limit::int) b
 ORDER BY b.created_at DESC, b.batch DESC`

// BatchPage is a part of a list of batches.
type BatchPage struct {
	Batches []Batch
	Next    *BatchPlace // where the list goes on; nil: there is no more where it looked
}

// BatchPlace is a place in a list of batches: after this one.
type BatchPlace struct {
	At    time.Time
	Batch string
}

// Batches lists up to limit batches from a place on, the newest first; nil is the
// beginning. Open and late ones are looked for among the newest from there.
func (r *Reader) Batches(ctx context.Context, f BatchFilter, from *BatchPlace, limit int) (page BatchPage, err error) {
	if from == nil {
		from = &BatchPlace{At: end().At}
	}
	window := cmp.Or(f.Among, maxBatches)
	if f.All {
		window = math.MaxInt32
	}
	page.Batches, err = ask[Batch](ctx, r, "list batches", analyst, batchesSQL, pgx.StrictNamedArgs{
		"dag": f.DagID, "since": known(f.CreatedSince), "until": known(f.CreatedUntil), "open": f.Open || f.Late, "late": f.Late, "at": from.At, "batch": from.Batch, "limit": limit, "window": window, "most": maxCount,
	})
	for i := range page.Batches {
		page.Batches[i].sum(maxCount)
	}
	if n := len(page.Batches); err == nil && n == limit {
		page.Next = &BatchPlace{page.Batches[n-1].CreatedAt, page.Batches[n-1].Batch}
	}
	return page, err
}
