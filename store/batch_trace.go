package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const batchTraceparentSQL = `-- tagexec: traceparent of a batch
SELECT coalesce(traceparent, '')
  FROM tagexec.tag_batches
 WHERE batch = $1`

// BatchTraceparent returns the trace that the latest submission of a batch belongs to,
// "" if there is none.
func (s *Store) BatchTraceparent(ctx context.Context, batch string) (traceparent string, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	err = s.pool.QueryRow(ctx, batchTraceparentSQL, batch).Scan(&traceparent)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", fmt.Errorf("read the trace of a batch: %w", err)
	}
	return traceparent, nil
}
