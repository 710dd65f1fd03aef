package operate

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store/report"
)

const setSlotsSQL = `-- tagexec: set slots
UPDATE tagexec.tag_pools SET slots = @slots::int WHERE pool = @pool::text`

// SetSlots gives a pool so many slots; nil takes the limit away.
func (a *Actor) SetSlots(ctx context.Context, pool string, slots *int, o Order) error {
	return a.changePool(ctx, "set the slots", pool, o, setSlotsSQL, pgx.StrictNamedArgs{"pool": pool, "slots": slots})
}

const pausePoolSQL = `-- tagexec: pause pool
UPDATE tagexec.tag_pools SET paused = @paused::bool WHERE pool = @pool::text`

// SetPaused pauses a pool, so that nothing is started from it, or resumes it.
func (a *Actor) SetPaused(ctx context.Context, pool string, paused bool, o Order) error {
	return a.changePool(ctx, "pause or resume the pool", pool, o, pausePoolSQL, pgx.StrictNamedArgs{"pool": pool, "paused": paused})
}

// changePool sends an update of one pool. One that changes nothing leaves no record.
func (a *Actor) changePool(ctx context.Context, doing, pool string, o Order, sql string, args pgx.StrictNamedArgs) error {
	return a.act(ctx, doing, o, func(ctx context.Context, tx pgx.Tx) error {
		done, err := tx.Exec(ctx, sql, args)
		if err == nil && done.RowsAffected() == 0 {
			return report.Missing("there is no pool %q: `tagexec pools create` makes one", pool)
		}
		return err
	})
}
