package report

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// maxExecutors is how many of the latest executors are looked at for those that ended
// lately.
const maxExecutors = 5_000

const executorsEndedSQL = `-- tagexec: list executors that have ended
SELECT ` + executorColumns + `
  FROM tagreport.executors e
 WHERE (e.stopped_at IS NOT NULL OR e.reaped_at IS NOT NULL)
   AND (e.started_at, e.id) < (@at::timestamptz, @id::uuid)
 ORDER BY e.started_at DESC, e.id DESC
 LIMIT @limit::int`

// ExecutorPlace is a place in a list of executors: after this one.
type ExecutorPlace struct {
	At time.Time
	ID string
}

// ExecutorsEnded returns up to limit executors that have ended, by their start from a place
// on, the latest first; nil is the beginning.
func (r *Reader) ExecutorsEnded(ctx context.Context, from *ExecutorPlace, limit int) ([]Executor, error) {
	if from == nil {
		from = &ExecutorPlace{end().At, "ffffffff-ffff-ffff-ffff-ffffffffffff"}
	}
	return ask[Executor](ctx, r, "list executors that have ended", analyst, executorsEndedSQL, pgx.StrictNamedArgs{"at": from.At, "id": from.ID, "limit": limit})
}

// Ended is how many executors ended since a time, of those that started last.
type Ended struct {
	Stopped int `json:"stopped"` // by themselves
	Reaped  int `json:"reaped"`  // nothing was heard of them for their lease
}

const endedSQL = `-- tagexec: count executors that have ended
SELECT count(*) FILTER (WHERE e.reaped_at IS NULL)::int AS stopped, count(e.reaped_at)::int AS reaped
  FROM (SELECT x.stopped_at, x.reaped_at FROM tagreport.executors x ORDER BY x.started_at DESC LIMIT @window::int) e
 WHERE e.stopped_at >= @since::timestamptz OR e.reaped_at >= @since`

// Ended returns how many executors ended since a time, of the 5,000 that started last.
func (r *Reader) Ended(ctx context.Context, since time.Time) (Ended, error) {
	return one[Ended](ctx, r, "count executors that have ended", analyst, endedSQL, pgx.StrictNamedArgs{"since": since, "window": maxExecutors}, pgx.ErrNoRows)
}
