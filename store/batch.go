package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
)

// Submission is what submit_jobs did.
type Submission struct {
	Batch    string `json:"batch"`
	Inserted int    `json:"inserted"`
	Existing int    `json:"existing"`
	Requeued int    `json:"requeued"`
}

// submitTimeout is long: one call may bring 100,000 jobs.
const submitTimeout = 5 * time.Minute

const submitSQL = `-- tagexec: submit
SELECT tagexec.submit_jobs($1::text, $2::jsonb, $3::jsonb, $4::text)`

// Submit calls submit_jobs: jobs is a JSON array of objects with producer
// columns, runContext a JSON object that identifies the scheduler's run; nil for
// none.
func (s *Store) Submit(ctx context.Context, batch string, jobs, runContext json.RawMessage, onExisting string) (Submission, error) {
	if len(runContext) == 0 {
		runContext = json.RawMessage("{}")
	}
	ctx, cancel := context.WithTimeout(ctx, submitTimeout)
	defer cancel()
	var submission Submission
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, fmt.Sprintf("SET LOCAL statement_timeout = %d", submitTimeout.Milliseconds())); err != nil {
			return err
		}
		return tx.QueryRow(ctx, submitSQL, batch, string(jobs), string(runContext), onExisting).Scan(&submission)
	})
	if code(err) == pgerrcode.InsufficientPrivilege {
		return Submission{}, fmt.Errorf("submit batch %q: this login may not submit jobs, an administrator can GRANT tagexec_producer TO it: %w", batch, err)
	}
	if err != nil {
		return Submission{}, fmt.Errorf("submit batch %q: %w", batch, err)
	}
	return submission, nil
}

const readJSONSQL = `-- tagexec: read json
SELECT FROM jsonb_typeof($1::jsonb)`

// ReadJSON reports what the server has against a JSON text, such as a character
// that the encoding of its database lacks.
func (s *Store) ReadJSON(ctx context.Context, text json.RawMessage) error {
	_, err := s.pool.Exec(ctx, readJSONSQL, string(text))
	return err
}

// Counts are the jobs of a batch by state.
type Counts struct {
	Total     int `json:"jobs"`
	Pending   int `json:"pending"`
	Running   int `json:"running"`
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
	Cancelled int `json:"cancelled"`
}

// Settled reports whether nothing is pending or running.
func (c Counts) Settled() bool { return c.Pending+c.Running == 0 }

const countsSQL = `-- tagexec: count batch
SELECT count(j.id),
       count(*) FILTER (WHERE j.state = 'pending'),
       count(*) FILTER (WHERE j.state = 'running'),
       count(*) FILTER (WHERE j.state = 'succeeded'),
       count(*) FILTER (WHERE j.state = 'failed'),
       count(*) FILTER (WHERE j.state = 'cancelled')
  FROM tagexec.tag_batches b
  LEFT JOIN tagexec.tag_jobs j ON j.batch = b.batch
 WHERE b.batch = $1
 GROUP BY b.batch`

// BatchCounts counts the jobs of a batch by state. It returns ErrNoBatch if
// the key was never used.
func (s *Store) BatchCounts(ctx context.Context, batch string) (c Counts, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	err = s.pool.QueryRow(ctx, countsSQL, batch).Scan(&c.Total, &c.Pending, &c.Running, &c.Succeeded, &c.Failed, &c.Cancelled)
	if errors.Is(err, pgx.ErrNoRows) {
		return Counts{}, fmt.Errorf("%w: %q", ErrNoBatch, batch)
	}
	if err != nil {
		return Counts{}, fmt.Errorf("count batch %q: %w", batch, err)
	}
	return c, nil
}

const problemsSQL = `-- tagexec: batch problems
SELECT tag, coalesce(biz_date::text, ''), state, coalesce(error_code, ''), coalesce(error, '')
  FROM tagexec.tag_jobs
 WHERE batch = $1
   AND state IN ('failed', 'cancelled')
 ORDER BY state DESC, id
 LIMIT $2`

// Problem is a job of a batch that did not succeed.
type Problem struct {
	Tag, BizDate, State, ErrorCode, Error string
}

// BatchProblems returns up to limit failed and cancelled jobs, failed first.
func (s *Store) BatchProblems(ctx context.Context, batch string, limit int) ([]Problem, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	rows, err := s.pool.Query(ctx, problemsSQL, batch, limit)
	if err != nil {
		return nil, fmt.Errorf("list problems of batch %q: %w", batch, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Problem])
	if err != nil {
		return nil, fmt.Errorf("list problems of batch %q: %w", batch, err)
	}
	return list, nil
}
