package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgerrcode"
)

const expireSQL = `-- tagexec: expire
SELECT tagexec.expire_batches()`

// maxExpired is how many batches one call expires: it must stay short.
const maxExpired = 20

// ExpireBatches cancels what is left of batches that are over by the database's
// clock, and returns how many there were. If there were many or large ones, the
// next call goes on. It may be called concurrently.
func (s *Store) ExpireBatches(ctx context.Context) (n int, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	for n < maxExpired {
		var more bool
		err := s.pool.QueryRow(ctx, expireSQL).Scan(&more)
		if code(err) == pgerrcode.UndefinedFunction { // the schema is being migrated
			break
		}
		if err != nil {
			return n, fmt.Errorf("expire batches: %w", err)
		}
		if !more {
			break
		}
		n++
	}
	return n, nil
}
