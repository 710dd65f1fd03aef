package report

import (
	"context"
	"errors"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Rights are what a reader may see, and whether the same role may act.
type Rights struct {
	Content bool // payload, result and output
	Operate bool // cancel, retry, change pools
}

const rightsSQL = `-- tagexec: look what one may
SELECT has_column_privilege('tagexec.tag_jobs', 'payload', 'SELECT') AS content,
       has_function_privilege('tagexec.cancel_jobs(bigint[], text)', 'EXECUTE')
       AND has_column_privilege('tagexec.tag_pools', 'paused', 'UPDATE')          AS operate`

// Rights returns what the login may, or the role that the reader asks as. It takes the
// role to find out: from Postgres 16 on a member of a role need not be able to. The error
// is a *RefusedError if it cannot, or if there is no such role.
func (r *Reader) Rights(ctx context.Context) (Rights, error) {
	const doing = "look what this login may"
	rights, err := one[Rights](ctx, r.In(""), doing, analyst, rightsSQL, pgx.StrictNamedArgs{}, pgx.ErrNoRows)
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) && pg.Code == pgerrcode.InvalidParameterValue {
		err = &RefusedError{doing, r.role, err}
	}
	return rights, err
}
