package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
)

const writeMinutesSQL = `-- tagexec: write minutes
SELECT tagexec.write_minutes()`

// WriteMinutes writes the minutes of history that are over to tag_minutes, and returns
// whether there are more than it wrote. A call that is under way elsewhere is passed
// over. It may be called concurrently.
func (s *Store) WriteMinutes(ctx context.Context) (more bool, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	err = s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, writeMinutesSQL).Scan(&more)
	})
	if code(err) == pgerrcode.UndefinedFunction { // the schema is being migrated
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("write minutes: %w", err)
	}
	return more, nil
}
