package report

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// SlowRun is a job that has run for longer than its tag usually does.
type SlowRun struct {
	ID           int64     `json:"id"`
	Tag          string    `json:"tag"`
	StartedAt    time.Time `json:"started_at"`
	RunSeconds   float64   `json:"run_seconds"`   // so far
	UsualSeconds float64   `json:"usual_seconds"` // median of the tag's last successes
	Hostname     *string   `json:"hostname"`
}

const (
	// slowFactor is how many times the usual time is slow, from slowLeast seconds on.
	slowFactor = 2
	slowLeast  = 5
	// usualRuns is how many of its last attempts say what is usual for a tag.
	usualRuns = 10
)

const slowRunsSQL = `-- tagexec: list slow jobs of a batch
SELECT s.id, s.tag, s.started_at, s.run_seconds, s.usual_seconds, e.hostname
  FROM (SELECT j.id, j.tag, j.started_at, j.executor_id, extract(epoch FROM now() - j.started_at)::double precision AS run_seconds,
               (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY l.run_seconds)
                  FROM (SELECT a.run_seconds, a.outcome
                          FROM tagreport.attempts a
                         WHERE a.tag = j.tag
                         ORDER BY a.finished_at DESC
                         LIMIT @runs::int) l
                 WHERE l.outcome = 'succeeded') AS usual_seconds
          FROM (SELECT w.id, w.tag, w.started_at, w.executor_id
                  FROM tagreport.jobs w
                 WHERE w.batch = @batch::text AND w.state = 'running' AND w.started_at < now() - make_interval(secs => @least::int)
                 ORDER BY w.started_at
                 LIMIT 100) j) s
  LEFT JOIN tagreport.executors e ON e.id = s.executor_id
 WHERE s.run_seconds > @factor::int * s.usual_seconds
 ORDER BY s.run_seconds / s.usual_seconds DESC
 LIMIT @limit::int`

// SlowRuns returns running jobs of a batch that take more than twice as long as usual, the
// most unusual first. It looks at the 100 that run longest.
func (r *Reader) SlowRuns(ctx context.Context, batch string, limit int) ([]SlowRun, error) {
	return ask[SlowRun](ctx, r, "look which jobs are slow", analyst, slowRunsSQL, pgx.StrictNamedArgs{
		"batch": batch, "limit": limit, "runs": usualRuns, "least": slowLeast, "factor": slowFactor,
	})
}
