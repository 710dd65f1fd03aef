package operate

import (
	"context"

	"github.com/jackc/pgx/v5"
)

const retryBatchSQL = `-- tagexec: retry batch
SELECT tagexec.retry_batch(@batch::text, @which::text, @reason::text)`

// RetryBatch makes the failed and cancelled jobs of a batch pending again, or with which
// "all" the succeeded ones too. It returns how many it touched.
func (a *Actor) RetryBatch(ctx context.Context, batch, which string, o Order) (int, error) {
	return value[int](ctx, a, "retry batch", o, retryBatchSQL, pgx.StrictNamedArgs{"batch": batch, "which": which, "reason": o.reason()})
}
