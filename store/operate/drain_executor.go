package operate

import (
	"context"

	"github.com/jackc/pgx/v5"
)

const drainExecutorSQL = `-- tagexec: drain executor
SELECT tagexec.drain_executor(@id::uuid, @reason::text)`

// DrainExecutor asks an executor to claim nothing more and to end when its jobs have. It
// reports whether it did: not if there is none of this id, or if it has ended or was
// asked already.
func (a *Actor) DrainExecutor(ctx context.Context, id string, o Order) (bool, error) {
	return value[bool](ctx, a, "drain the executor", o, drainExecutorSQL, pgx.StrictNamedArgs{"id": id, "reason": o.reason()})
}
