package operate

import (
	"context"

	"github.com/jackc/pgx/v5"
)

const setBatchPrioritySQL = `-- tagexec: set batch priority
SELECT tagexec.set_batch_priority(@batch::text, @priority::int, @reason::text)`

// SetBatchPriority gives the waiting jobs of a batch a priority from 0 to 9, higher
// first. It returns how many had another.
func (a *Actor) SetBatchPriority(ctx context.Context, batch string, priority int, o Order) (int, error) {
	return value[int](ctx, a, "set the priority", o, setBatchPrioritySQL, pgx.StrictNamedArgs{"batch": batch, "priority": priority, "reason": o.reason()})
}
