package operate

import (
	"context"

	"github.com/jackc/pgx/v5"
)

const cancelBatchSQL = `-- tagexec: cancel batch
SELECT tagexec.cancel_batch(@batch::text, @reason::text)`

// CancelBatch cancels what waits of a batch, and asks what runs to stop. It returns how
// many jobs it touched, 0 also for a batch that is not there.
func (a *Actor) CancelBatch(ctx context.Context, batch string, o Order) (int, error) {
	return value[int](ctx, a, "cancel batch", o, cancelBatchSQL, pgx.StrictNamedArgs{"batch": batch, "reason": o.reason()})
}
