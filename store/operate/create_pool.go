package operate

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ErrPoolExists: there is a pool of this name.
var ErrPoolExists = errors.New("there is a pool of this name already")

const createPoolSQL = `-- tagexec: create pool
INSERT INTO tagexec.tag_pools (pool, slots, description)
VALUES (@pool::text, @slots::int, @description::text)`

// CreatePool makes a pool; slots nil means no limit. The error is ErrPoolExists if there
// is one of this name.
func (a *Actor) CreatePool(ctx context.Context, pool string, slots *int, description string, o Order) error {
	err := a.act(ctx, "create the pool", o, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, createPoolSQL, pgx.StrictNamedArgs{"pool": pool, "slots": slots, "description": description})
		return err
	})
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) && pg.Code == pgerrcode.UniqueViolation {
		return fmt.Errorf("%w: %q", ErrPoolExists, pool)
	}
	return err
}
