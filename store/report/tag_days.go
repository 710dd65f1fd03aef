package report

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Of how many of its latest attempts the history of a tag is made: at once, or if somebody
// asks to look further. Each lies on another page of the disk: 17,000 take half a second
// where none is in memory.
const (
	TagAttempts        = 1_500
	TagAttemptsFurther = 20_000
)

// TagDay is a row of tagreport.tag_daily for one tag, over all pools.
type TagDay struct {
	Day                 string   `json:"day"`
	Attempts            int      `json:"attempts"`
	Failures            int      `json:"failures"`
	P50RunSeconds       *float64 `json:"p50_run_seconds"`
	P95RunSeconds       *float64 `json:"p95_run_seconds"`
	P95QueueWaitSeconds *float64 `json:"p95_queue_wait_seconds"`
	RowsAffected        *int64   `json:"rows_affected"`
	SlotSeconds         *float64 `json:"slot_seconds"`
}

// TagHistory is how a tag did, by day, the latest first.
type TagHistory struct {
	TagSummary
	Days []TagDay `json:"days" db:"-"`
}

// TagSummary is how a tag did over some days, and over as many before.
type TagSummary struct {
	Tag                   string     `json:"tag"`
	Since                 time.Time  `json:"since"`
	Attempts              int        `json:"attempts"`
	Succeeded             int        `json:"succeeded"`
	Failures              int        `json:"failures"`
	DaysRun               int        `json:"days_run"` // on which an attempt ended
	DaysSucceeded         int        `json:"days_succeeded"`
	P50RunSeconds         *float64   `json:"p50_run_seconds"`
	PreviousP50RunSeconds *float64   `json:"previous_p50_run_seconds"`
	SlotSeconds           *float64   `json:"slot_seconds"`
	SucceededAt           *time.Time `json:"succeeded_at"`
	Capped                bool       `json:"capped"` // there are more attempts than were looked at
}

const tagSummarySQL = `-- tagexec: show tag
WITH latest AS (
    SELECT a.outcome, a.finished_at, a.run_seconds, a.slots, a.finished_at >= @since::timestamptz AS now
      FROM tagreport.attempts a
     WHERE a.tag = @tag::text AND a.finished_at >= @before::timestamptz
     ORDER BY a.finished_at DESC
     LIMIT @window::int
)
SELECT @tag AS tag, @since AS since,
       count(*) FILTER (WHERE l.now)::int                                                                     AS attempts,
       count(*) FILTER (WHERE l.now AND l.outcome = 'succeeded')::int                                         AS succeeded,
       count(*) FILTER (WHERE l.now AND l.outcome IN ('failed', 'timed_out', 'lost'))::int                    AS failures,
       count(DISTINCT l.finished_at::date) FILTER (WHERE l.now)::int                                          AS days_run,
       count(DISTINCT l.finished_at::date) FILTER (WHERE l.now AND l.outcome = 'succeeded')::int              AS days_succeeded,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY l.run_seconds) FILTER (WHERE l.now AND l.outcome = 'succeeded')     AS p50_run_seconds,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY l.run_seconds) FILTER (WHERE NOT l.now AND l.outcome = 'succeeded') AS previous_p50_run_seconds,
       sum(l.slots * l.run_seconds) FILTER (WHERE l.now)                                                      AS slot_seconds,
       max(l.finished_at) FILTER (WHERE l.outcome = 'succeeded')                                              AS succeeded_at,
       count(*) >= @window                                                                                    AS capped
  FROM latest l`

const tagDaysSQL = `-- tagexec: days of a tag
SELECT l.finished_at::date::text                                                        AS day,
       count(*)::int                                                                    AS attempts,
       count(*) FILTER (WHERE l.outcome IN ('failed', 'timed_out', 'lost'))::int        AS failures,
       percentile_cont(0.5)  WITHIN GROUP (ORDER BY l.run_seconds)                      AS p50_run_seconds,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY l.run_seconds)                      AS p95_run_seconds,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY l.queue_wait_seconds)               AS p95_queue_wait_seconds,
       sum(l.rows_affected)::bigint                                                     AS rows_affected,
       sum(l.slots * l.run_seconds)                                                     AS slot_seconds
  FROM (SELECT a.outcome, a.finished_at, a.run_seconds, a.queue_wait_seconds, a.rows_affected, a.slots
          FROM tagreport.attempts a
         WHERE a.tag = @tag::text AND a.finished_at >= @since::timestamptz
         ORDER BY a.finished_at DESC
         LIMIT @window::int) l
 GROUP BY 1
 ORDER BY 1 DESC`

// TagHistory returns how a tag did since a time, by days of the reader's zone. It looks
// at the latest attempts, so many at most.
func (r *Reader) TagHistory(ctx context.Context, tag string, since, now time.Time, most int) (h TagHistory, err error) {
	h.TagSummary, err = one[TagSummary](ctx, r, "show tag", analyst, tagSummarySQL, pgx.StrictNamedArgs{
		"tag": tag, "since": since, "before": since.Add(-now.Sub(since)), "window": most,
	}, pgx.ErrNoRows)
	if err != nil {
		return TagHistory{}, err
	}
	h.Days, err = ask[TagDay](ctx, r, "show tag", analyst, tagDaysSQL, tagDaysArgs(tag, since, most))
	return h, err
}

func tagDaysArgs(tag string, since time.Time, most int) pgx.StrictNamedArgs {
	return pgx.StrictNamedArgs{"tag": tag, "since": since, "window": most}
}

// TagDaysSQL is what TagHistory asks for its days, to be asked by hand.
func (r *Reader) TagDaysSQL(tag string, since time.Time, most int) string {
	return r.byHand(tagDaysSQL, tagDaysArgs(tag, since, most))
}
