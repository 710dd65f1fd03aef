package report

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Run is an attempt of a job of a batch, ended or not.
type Run struct {
	JobID      int64      `json:"job_id"`
	Attempt    int        `json:"attempt"`
	Tag        string     `json:"tag"`
	Pool       string     `json:"pool"`
	Outcome    string     `json:"outcome"` // "running" for one that has not ended
	QueuedAt   time.Time  `json:"queued_at"`
	StartedAt  time.Time  `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at"`
	ExecutorID string     `json:"executor_id"`
	Hostname   string     `json:"hostname"`
}

// Span is a stretch of time. What is zero is open.
type Span struct{ From, To time.Time }

// Runs are attempts of a batch by their start.
type Runs struct {
	Runs     []Run
	Matching int       // in the span, of those that were looked at
	Until    time.Time // the last end of these, or now where one runs
	Capped   bool      // the batch has more than the 20,000 ended ones that were looked at
}

// maxRuns is how many ended attempts of a batch are looked at. No index has them by time.
const maxRuns = 20_000

const runsSQL = `-- tagexec: list runs of a batch
WITH ended AS MATERIALIZED (
    SELECT a.job_id, a.attempt, a.tag, a.pool, a.outcome, a.queued_at, a.started_at, a.finished_at, a.executor_id, a.hostname
      FROM tagreport.attempts a
     WHERE a.batch = @batch::text
     LIMIT @most::int
)
SELECT r.job_id, r.attempt, r.tag, r.pool, r.outcome, r.queued_at, r.started_at, r.finished_at, r.executor_id::text AS executor_id, r.hostname,
       (count(*) OVER ())::int AS matching, max(coalesce(r.finished_at, now())) OVER () AS until, (SELECT count(*) FROM ended) >= @most AS capped
  FROM (SELECT * FROM ended
        UNION ALL
        SELECT j.id, j.attempt, j.tag, j.pool, j.state, greatest(j.created_at, j.run_at), j.started_at, NULL, j.executor_id, coalesce(e.hostname, '')
          FROM tagreport.jobs j
          LEFT JOIN tagreport.executors e ON e.id = j.executor_id
         WHERE j.batch = @batch AND j.state = 'running') r
 WHERE (@from::timestamptz IS NULL OR r.finished_at IS NULL OR r.finished_at > @from)
   AND (@to::timestamptz IS NULL OR r.started_at < @to)
 ORDER BY r.started_at, r.job_id, r.attempt
 LIMIT @limit::int`

// Runs returns up to limit attempts of a batch that ran in a span.
func (r *Reader) Runs(ctx context.Context, batch string, span Span, limit int) (Runs, error) {
	list, err := ask[struct {
		Run
		Matching int
		Until    time.Time
		Capped   bool
	}](ctx, r, "list attempts of a batch", analyst, runsSQL, pgx.StrictNamedArgs{
		"batch": batch, "from": known(span.From), "to": known(span.To), "most": maxRuns, "limit": limit,
	})
	runs := Runs{Runs: make([]Run, len(list))}
	for i, row := range list {
		runs.Runs[i], runs.Matching, runs.Until, runs.Capped = row.Run, row.Matching, row.Until, row.Capped
	}
	return runs, err
}

// known is NULL for a time that is not.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
