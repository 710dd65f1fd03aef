package report

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

type clock struct{ Now time.Time }

const clockSQL = `-- tagexec: read clock
SELECT clock_timestamp() AS now`

// Clock returns the time of the database, with which alone its times are compared.
func (r *Reader) Clock(ctx context.Context) (time.Time, error) {
	c, err := one[clock](ctx, r, "read the clock", analyst, clockSQL, pgx.StrictNamedArgs{}, pgx.ErrNoRows)
	return c.Now, err
}
