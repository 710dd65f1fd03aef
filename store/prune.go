package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
)

// Pruned counts what a prune deleted.
type Pruned struct {
	Jobs      int64 `json:"jobs"`
	Attempts  int64 `json:"attempts"` // whose job was pruned before
	Batches   int64 `json:"batches"`
	Executors int64 `json:"executors"`
}

// pruneJobs is how many jobs one statement looks at: it must stay short.
const pruneJobs = 2000

// Prune deletes jobs that finished longer than age ago, and attempts that finished
// longer than attemptsAge ago, which is at least age, and whose job is gone; then batches of that age that have no jobs, and executors that ended before. It goes in small steps, each a
// transaction of its own; when ctx ends, what was deleted so far stays deleted. A
// job that Postgres refuses to delete keeps no other; the error names the first.
// A login that may not delete jobs by itself prunes what is older than an hour.
// May be called concurrently. Claims never wait for it: they have nothing to do
// with final jobs.
func (s *Store) Prune(ctx context.Context, age, attemptsAge time.Duration) (Pruned, error) {
	var pruned Pruned
	refused, err := s.pruneJobs(ctx, age, attemptsAge > age, &pruned.Jobs)
	if err != nil {
		return pruned, fmt.Errorf("prune jobs: %w", err)
	}
	if pruned.Attempts, err = s.pruneAttempts(ctx, attemptsAge); err != nil {
		return pruned, fmt.Errorf("prune attempts: %w", err)
	}
	if pruned.Batches, err = s.pruneBatches(ctx, age); err != nil {
		return pruned, fmt.Errorf("prune batches: %w", err)
	}
	if pruned.Executors, err = s.pruneInSteps(ctx, pruneExecutorsSQL, age); err != nil {
		return pruned, fmt.Errorf("prune executors: %w", err)
	}
	return pruned, refused
}

// What may be deleted is stated in the functions, so that executors may call them.
const pruneJobsSQL = `-- tagexec: prune jobs
SELECT p.deleted, p.next FROM tagexec.prune_jobs($1, $2, $3, $4) p`

const (
	nextJobSQL = `-- tagexec: find next job
SELECT min(id) FROM tagexec.tag_jobs WHERE id > $1`

	// For where that one cannot be read.
	nextIsolatedSQL = `-- tagexec: find next isolated job
SELECT min(job_id) FROM tagexec.tag_unwritable_jobs WHERE job_id > $1`
)

// pruneJobs passes over jobs that Postgres refuses to delete: it halves the steps
// until one fails for a single job. refused names the first.
func (s *Store) pruneJobs(ctx context.Context, age time.Duration, keepAttempts bool, deleted *int64) (refused, err error) {
	step := pruneJobs
	for after := new(int64); after != nil; {
		var n int64
		next := after
		err := s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
			return tx.QueryRow(ctx, pruneJobsSQL, age, *after, step, keepAttempts).Scan(&n, &next)
		})
		switch {
		case badRow(err) && step > 1:
			step /= 2
			continue
		case badRow(err):
			findErr := s.pool.QueryRow(ctx, nextJobSQL, *after).Scan(&next)
			if badRow(findErr) {
				findErr = s.pool.QueryRow(ctx, nextIsolatedSQL, *after).Scan(&next)
			}
			if findErr != nil {
				return refused, errors.Join(err, findErr)
			}
			if refused == nil && next != nil {
				refused = fmt.Errorf("prune jobs: job %d cannot be deleted: %w", *next, err)
			}
		case err != nil:
			return refused, err
		}
		after, step = next, min(2*step, pruneJobs)
		*deleted += n
	}
	return refused, nil
}

const pruneAttemptsSQL = `-- tagexec: prune attempts
SELECT p.deleted, p.next FROM tagexec.prune_attempts($1, $2) p`

func (s *Store) pruneAttempts(ctx context.Context, age time.Duration) (deleted int64, err error) {
	for after := new(int64(math.MinInt64)); after != nil; {
		var n int64
		err := s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
			return tx.QueryRow(ctx, pruneAttemptsSQL, age, *after).Scan(&n, &after)
		})
		if err != nil {
			return deleted, err
		}
		deleted += n
	}
	return deleted, nil
}

const pruneBatchesSQL = `-- tagexec: prune batches
SELECT p.deleted, p.next FROM tagexec.prune_batches($1, $2) p`

// pruneBatches gives up for this time, without an error, when an insert has been
// under way for so long that waiting for it would keep others waiting.
func (s *Store) pruneBatches(ctx context.Context, age time.Duration) (deleted int64, err error) {
	for after := new(string); after != nil; {
		var n int64
		err := s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
			return tx.QueryRow(ctx, pruneBatchesSQL, age, *after).Scan(&n, &after)
		})
		if code(err) == pgerrcode.LockNotAvailable {
			return deleted, nil
		}
		if err != nil {
			return deleted, err
		}
		deleted += n
	}
	return deleted, nil
}

const (
	pruneExecutorsSQL = `-- tagexec: prune executors
SELECT tagexec.prune_executors($1)`

	pruneActionsSQL = `-- tagexec: prune actions
SELECT tagexec.prune_actions($1)`
)

// PruneActions deletes what is older than age from the record of operator actions, in
// small steps, and returns how many. Only the owner of the schema may.
func (s *Store) PruneActions(ctx context.Context, age time.Duration) (int64, error) {
	n, err := s.pruneInSteps(ctx, pruneActionsSQL, age)
	if code(err) == pgerrcode.InsufficientPrivilege {
		return n, fmt.Errorf("prune actions: this login may not, only the owner of schema tagexec: %w", err)
	}
	if err != nil {
		return n, fmt.Errorf("prune actions: %w", err)
	}
	return n, nil
}

// pruneInSteps repeats a statement, each time in a transaction of its own, until it
// deletes nothing more.
func (s *Store) pruneInSteps(ctx context.Context, sql string, age time.Duration) (deleted int64, err error) {
	for {
		var n int64
		err := s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error { return tx.QueryRow(ctx, sql, age).Scan(&n) })
		if err != nil || n == 0 {
			return deleted, err
		}
		deleted += n
	}
}
