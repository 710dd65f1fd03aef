package report

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// maxRecent is how many of its latest ended attempts tell how a tag does.
const maxRecent = 30

// Tag is how the latest 30 ended attempts of a tag did.
type Tag struct {
	Tag            string     `json:"tag"`
	Attempts       int        `json:"attempts"`
	Failures       int        `json:"failures"`
	P50RunSeconds  *float64   `json:"p50_run_seconds"`
	SucceededAt    *time.Time `json:"succeeded_at"`
	BizDate        *string    `json:"biz_date"` // latest of those that succeeded
	LastFinishedAt time.Time  `json:"last_finished_at"`
	LastOutcome    string     `json:"last_outcome"`
	LastErrorCode  *string    `json:"last_error_code"`
	LastError      *string    `json:"last_error"`

	RunSeconds []float64 `json:"-"` // of each of these attempts, the earliest first
	Outcomes   []string  `json:"-"`
}

// Each tag is found from the one before it: the index is by tag.
const tagsSQL = `-- tagexec: list tags
WITH RECURSIVE names (tag, n) AS (
    (SELECT j.tag, 1 FROM tagreport.jobs j WHERE j.finished_at IS NOT NULL AND j.tag > @after::text ORDER BY j.tag LIMIT 1)
    UNION ALL
    SELECT f.tag, p.n + 1 FROM names p CROSS JOIN LATERAL (
        SELECT j.tag FROM tagreport.jobs j WHERE j.finished_at IS NOT NULL AND j.tag > p.tag ORDER BY j.tag LIMIT 1) f
     WHERE p.n < @limit::int
)
SELECT p.tag, a.*
  FROM names p
 CROSS JOIN LATERAL (
       SELECT count(*)::int                                                                  AS attempts,
              count(*) FILTER (WHERE l.outcome IN ('failed', 'timed_out', 'lost'))::int      AS failures,
              percentile_cont(0.5) WITHIN GROUP (ORDER BY l.run_seconds) FILTER (WHERE l.outcome = 'succeeded') AS p50_run_seconds,
              max(l.finished_at) FILTER (WHERE l.outcome = 'succeeded')                      AS succeeded_at,
              (max(l.biz_date) FILTER (WHERE l.outcome = 'succeeded'))::text                 AS biz_date,
              max(l.finished_at)                                                             AS last_finished_at,
              (array_agg(l.outcome ORDER BY l.finished_at DESC))[1]                          AS last_outcome,
              (array_agg(l.error_code ORDER BY l.finished_at DESC))[1]                       AS last_error_code,
              (array_agg(l.error ORDER BY l.finished_at DESC))[1]                            AS last_error,
              array_agg(l.run_seconds ORDER BY l.finished_at)                                AS run_seconds,
              array_agg(l.outcome ORDER BY l.finished_at)                                    AS outcomes
         FROM (SELECT t.outcome, t.run_seconds, t.finished_at, t.biz_date, t.error_code, t.error
                 FROM tagreport.attempts t
                WHERE t.tag = p.tag
                ORDER BY t.finished_at DESC
                LIMIT @recent::int) l) a
 WHERE a.attempts > 0
 ORDER BY p.tag`

// Tags lists up to limit tags with ended attempts that come after one by name; "" is
// the beginning.
func (r *Reader) Tags(ctx context.Context, after string, limit int) ([]Tag, error) {
	return ask[Tag](ctx, r, "list tags", analyst, tagsSQL, pgx.StrictNamedArgs{"after": after, "limit": limit, "recent": maxRecent})
}
