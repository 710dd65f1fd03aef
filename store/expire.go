package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
)

const (
	expireSQL = `-- tagexec: expire
SELECT tagexec.expire_batches()`

	// Those that this transaction isolated, which nobody knew of.
	isolatedHereSQL = `-- tagexec: read isolated jobs
SELECT job_id, error_code, error, true
  FROM tagexec.tag_unwritable_jobs
 WHERE since = now()
 ORDER BY job_id`
)

// maxExpired is how many batches one call expires: it must stay short.
const maxExpired = 20

// Expired counts what an expiry ended.
type Expired struct {
	Batches    int
	Unwritable []Unwritable // jobs that were isolated, because they cannot be cancelled
}

// ExpireBatches cancels what is left of batches that are over by the database's
// clock. If there were many or large ones, the next call goes on. It may be called
// concurrently.
func (s *Store) ExpireBatches(ctx context.Context) (expired Expired, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	for more := true; more && expired.Batches < maxExpired; {
		err := s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
			err := tx.QueryRow(ctx, expireSQL).Scan(&more)
			if err != nil || !more {
				return err
			}
			found, _, err := queryIsolated(ctx, tx, isolatedHereSQL)
			expired.Unwritable = append(expired.Unwritable, found...)
			return err
		})
		if code(err) == pgerrcode.UndefinedFunction { // the schema is being migrated
			break
		}
		if err != nil {
			return expired, fmt.Errorf("expire batches: %w", err)
		}
		if more {
			expired.Batches++
		}
	}
	return expired, nil
}
