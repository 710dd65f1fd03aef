package report

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// maxTagDates is how many of its latest attempts tell for which business dates a tag ran.
const maxTagDates = 200

// TagDate is how a tag did for a business date.
type TagDate struct {
	Tag      string `json:"tag"`
	BizDate  string `json:"biz_date"`
	Outcome  string `json:"outcome"` // succeeded if any attempt did, else that of the latest
	Attempts int    `json:"attempts"`
	Looked   bool   `json:"looked"` // at all attempts of that tag; else at the latest 200
}

const tagDatesSQL = `-- tagexec: business dates of tags
SELECT l.tag, l.biz_date::text AS biz_date,
       CASE WHEN bool_or(l.outcome = 'succeeded') THEN 'succeeded' ELSE (array_agg(l.outcome ORDER BY l.finished_at DESC))[1] END AS outcome,
       count(*)::int AS attempts, min(l.n) < @most::int AS looked
  FROM unnest(@tags::text[]) t (tag)
 CROSS JOIN LATERAL (
       SELECT r.*, count(*) OVER () AS n
         FROM (SELECT a.tag, a.biz_date, a.outcome, a.finished_at
                 FROM tagreport.attempts a
                WHERE a.tag = t.tag
                ORDER BY a.finished_at DESC
                LIMIT @most) r) l
 WHERE l.biz_date IS NOT NULL
 GROUP BY l.tag, l.biz_date
 ORDER BY l.tag, l.biz_date DESC`

// TagDates returns for which business dates these tags ran, among the latest 200 attempts
// of each.
func (r *Reader) TagDates(ctx context.Context, tags []string) ([]TagDate, error) {
	return ask[TagDate](ctx, r, "list business dates of tags", analyst, tagDatesSQL, pgx.StrictNamedArgs{"tags": tags, "most": maxTagDates})
}
