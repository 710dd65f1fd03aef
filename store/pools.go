package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const missingPoolsSQL = `-- tagexec: missing pools
SELECT n.pool
  FROM unnest(@pools::text[]) n (pool)
 WHERE NOT EXISTS (SELECT FROM tagexec.tag_pools p WHERE p.pool = n.pool)
 ORDER BY n.pool`

// MissingPools returns which of the pools do not exist.
func (s *Store) MissingPools(ctx context.Context, pools []string) ([]string, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	rows, err := s.pool.Query(ctx, missingPoolsSQL, pgx.StrictNamedArgs{"pools": pools})
	if err != nil {
		return nil, fmt.Errorf("look for pools: %w", err)
	}
	missing, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("look for pools: %w", err)
	}
	return missing, nil
}
