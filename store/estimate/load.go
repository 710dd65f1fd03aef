package estimate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Querier is a pool, a connection or a transaction. All that is asked may be asked
// by whoever may read tagreport. In a REPEATABLE READ transaction it is of one moment.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// ErrNoBatch says that there is no batch of this key.
var ErrNoBatch = errors.New("there is no such batch")

const batchSQL = `-- tagexec: estimate of batch
SELECT now(), b.due_at
  FROM tagreport.batches b
 WHERE b.batch = @batch::text`

// Load reads what Of needs of a batch. The error is ErrNoBatch if there is none.
func Load(ctx context.Context, db Querier, batch string) (*Queue, error) {
	return loadWithin(ctx, db, batch, limits{jobs: 50_000, counted: 1_000_000, tags: 5_000, runs: 30_000, seen: 20_000, ended: 2_000})
}

// limits are how many rows are read at most.
type limits struct {
	jobs    int // unfinished, planned one by one
	counted int // of those beyond
	tags    int // whose past is looked up
	runs    int // of all tags together
	seen    int // ended attempts of the batch
	ended   int // the newest of these
}

func loadWithin(ctx context.Context, db Querier, batch string, most limits) (*Queue, error) {
	q := &Queue{Batch: batch}
	rows, err := db.Query(ctx, batchSQL, pgx.StrictNamedArgs{"batch": batch})
	if err != nil {
		return nil, fmt.Errorf("read the batch: %w", err)
	}
	_, err = pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (time.Time, error) {
		return q.Now, row.Scan(&q.Now, &q.Due)
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, ErrNoBatch
	case err != nil:
		return nil, fmt.Errorf("read the batch: %w", err)
	}
	for _, part := range []struct {
		name string
		load func(context.Context, Querier, limits) error
	}{
		{"pools", q.loadPools}, {"executors", q.loadExecutors}, {"unfinished jobs", q.loadJobs}, {"jobs of others", q.loadOthers}, {"ended jobs", q.loadEnded}, {"past runs", q.loadPast},
	} {
		if err := part.load(ctx, db, most); err != nil {
			return nil, fmt.Errorf("read %s: %w", part.name, err)
		}
	}
	return q, nil
}
