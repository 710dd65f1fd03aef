package operate

import (
	"time"

	"github.com/jackc/pgx/v5"
)

// Selection are jobs that were looked at before. Of those only the ones are acted on
// that still are as they were then: in one of these states, and not ended after a time.
type Selection struct {
	IDs    []int64
	States []string
	By     time.Time // by the database's clock
}

// selected are the ids of a Selection that still are as they were. Who acts on them reads
// them in the same statement.
const selected = `ARRAY(
           SELECT j.id
             FROM tagexec.tag_jobs j
            WHERE j.id = ANY (@ids::bigint[])
              AND j.state = ANY (@states::text[])
              AND (j.finished_at IS NULL OR j.finished_at <= @by::timestamptz))`

func (s Selection) args(o Order) pgx.StrictNamedArgs {
	return pgx.StrictNamedArgs{"ids": s.IDs, "states": s.States, "by": s.By, "reason": o.reason()}
}
