package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// The fence (attempt, executor_id, not finished) is tested on the locked rows.
// It must not stand in the WHERE of the update: with state there, the planner
// was seen to scan all running rows for every batch. $14: rows with a pending
// retry_request are written too, and left to resubmit_cancelled.
const recordSQL = `-- tagexec: record
WITH u AS MATERIALIZED (
    SELECT *
      FROM unnest($1::bigint[], $2::integer[], $3::uuid[], $4::text[], $5::boolean[], $6::double precision[], $7::bigint[],
                  $8::integer[], $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[])
        AS u (id, attempt, executor_id, outcome, permanent, delay, rows_affected, exit_code, result, error_code, error, output, output_bytes)
), l AS MATERIALIZED (
    SELECT id, attempt, executor_id, finished_at, failures, max_attempts, cancel_requested_at,
           retry_request IS NOT NULL AS retry, greatest(created_at, run_at) AS queued_at
      FROM tagexec.tag_jobs
     WHERE id = ANY ($1::bigint[])
     ORDER BY id
       FOR UPDATE SKIP LOCKED
), ok AS MATERIALIZED (
    SELECT u.*, l.queued_at,
           CASE WHEN u.outcome = 'succeeded' THEN 'succeeded'
                WHEN u.outcome = 'cancelled' OR l.cancel_requested_at IS NOT NULL THEN 'cancelled'
                WHEN u.outcome = 'interrupted' THEN 'pending'
                WHEN u.permanent OR l.failures + 1 >= l.max_attempts THEN 'failed'
                ELSE 'pending'
           END AS state
      FROM u
      JOIN l ON l.id = u.id AND l.attempt = u.attempt AND l.executor_id = u.executor_id AND l.finished_at IS NULL
     WHERE $14 OR NOT l.retry
), d AS (
    UPDATE tagexec.tag_jobs t
       SET state = ok.state,
           finished_at = statement_timestamp(),
           failures = t.failures + CASE WHEN ok.outcome IN ('failed', 'timed_out') AND ok.state <> 'cancelled' THEN 1 ELSE 0 END,
           run_at = CASE WHEN ok.state = 'pending' THEN statement_timestamp() + make_interval(secs => ok.delay) ELSE t.run_at END,
           rows_affected = ok.rows_affected,
           exit_code = ok.exit_code,
           result = ok.result::jsonb,
           error_code = CASE WHEN ok.state = 'cancelled' THEN coalesce(ok.error_code, 'cancelled') ELSE ok.error_code END,
           error = ok.error
      FROM ok
     WHERE t.id = ok.id
 RETURNING t.id, t.attempt, t.executor_id, ok.queued_at, t.started_at, t.finished_at,
           CASE WHEN ok.state = 'cancelled' THEN 'cancelled' ELSE ok.outcome END AS outcome,
           ok.rows_affected, ok.exit_code, t.error_code, ok.error, ok.output, ok.output_bytes
), i AS (
    INSERT INTO tagexec.tag_job_attempts (job_id, attempt, executor_id, hostname, queued_at, started_at, finished_at, outcome,
                                          rows_affected, exit_code, error_code, error, output, output_bytes)
    SELECT d.id, d.attempt, d.executor_id, $15, d.queued_at, d.started_at, d.finished_at, d.outcome,
           d.rows_affected, d.exit_code, d.error_code, d.error, d.output, d.output_bytes
      FROM d
 RETURNING job_id, attempt
)
SELECT u.id, u.attempt,
       CASE WHEN i.job_id IS NOT NULL THEN 'applied'
            WHEN l.retry AND l.attempt = u.attempt AND l.executor_id = u.executor_id AND l.finished_at IS NULL THEN 'resubmit'
            WHEN l.id IS NOT NULL AND EXISTS (SELECT FROM tagexec.tag_job_attempts a
                                               WHERE a.job_id = u.id AND a.attempt = u.attempt
                                                 AND a.executor_id = u.executor_id AND NOT (a.outcome = 'lost' OR a.outcome = 'cancelled' AND a.error_code = 'lost')) THEN 'already'
            WHEN l.id IS NOT NULL THEN 'lost'
            WHEN EXISTS (SELECT FROM tagexec.tag_jobs t WHERE t.id = u.id) THEN 'locked'
            ELSE 'missing'
       END
  FROM u
  LEFT JOIN l ON l.id = u.id
  LEFT JOIN i ON i.job_id = u.id AND i.attempt = u.attempt`

const resubmitSQL = `-- tagexec: resubmit cancelled
SELECT tagexec.resubmit_cancelled($1::bigint[])`

// resubmit is the fate of a result whose job waits for a retry that was asked
// for while it was being cancelled; Record settles it itself.
const resubmit Fate = "resubmit"

// Record stores results, each with its attempt row, and returns the fate of
// each, in their order. Repeating a call is harmless. A result that Postgres
// will not store is replaced by a note, and touches no other. On an error the
// fates that are not known are empty; call again with those results.
func (s *Store) Record(ctx context.Context, hostname string, results []Result) ([]Fate, error) {
	fates := make([]Fate, len(results))
	err := s.record(ctx, hostname, results, fates)
	if err != nil {
		return fates, fmt.Errorf("record results: %w", err)
	}
	return fates, nil
}

func (s *Store) record(ctx context.Context, hostname string, results []Result, fates []Fate) error {
	err := s.recordOnce(ctx, hostname, results, fates)
	if badData(err) {
		if len(results) == 1 {
			return s.recordOnce(ctx, hostname, []Result{unstorable(results[0], code(err))}, fates)
		}
		half := len(results) / 2
		return errors.Join(
			s.record(ctx, hostname, results[:half], fates[:half]),
			s.record(ctx, hostname, results[half:], fates[half:]))
	}
	return err
}

// unstorable is what is recorded in place of a result that Postgres refuses.
func unstorable(r Result, sqlstate string) Result {
	r.Result, r.Output, r.ErrorCode = nil, "", "unstorable"
	r.Error = fmt.Sprintf("the attempt ended as %s, but Postgres refused to store what it returned (SQLSTATE %s)", r.Outcome, sqlstate)
	return r
}

func (s *Store) recordOnce(ctx context.Context, hostname string, results []Result, fates []Fate) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	err := writeTwice(ctx, s.db, hostname, results, fates)
	waiting := withdraw(results, fates, resubmit)
	if err != nil || len(waiting.results) == 0 {
		return err
	}
	err = s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if err := write(ctx, tx, hostname, waiting.results, waiting.fates, true); err != nil {
			return err
		}
		ids := make([]int64, len(waiting.results))
		for i, r := range waiting.results {
			ids[i] = r.ID
		}
		_, err := tx.Exec(ctx, resubmitSQL, ids)
		return err
	})
	if err == nil {
		waiting.put(fates)
	}
	return err
}

// writeTwice writes, and asks once more before a result counts as lost: a
// repeat that ran while its first copy committed saw the finished job but not
// yet its attempt row.
func writeTwice(ctx context.Context, db querier, hostname string, results []Result, fates []Fate) error {
	if err := write(ctx, db, hostname, results, fates, false); err != nil {
		return err
	}
	lost := withdraw(results, fates, Refused)
	err := write(ctx, db, hostname, lost.results, lost.fates, false)
	if err == nil {
		lost.put(fates)
	}
	return err
}

// withdrawn are the results of one fate, and where they stand.
type withdrawn struct {
	at      []int
	results []Result
	fates   []Fate
}

// withdraw returns the results of a fate that is not final: until another is
// put, theirs is not known.
func withdraw(results []Result, fates []Fate, fate Fate) (w withdrawn) {
	for i, f := range fates {
		if f == fate {
			w.at, w.results = append(w.at, i), append(w.results, results[i])
			fates[i] = ""
		}
	}
	w.fates = make([]Fate, len(w.at))
	return w
}

func (w withdrawn) put(fates []Fate) {
	for i, at := range w.at {
		fates[at] = w.fates[i]
	}
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// write sends the record statement for results and notes their fates.
func write(ctx context.Context, db querier, hostname string, results []Result, fates []Fate, withRetries bool) error {
	n := len(results)
	if n == 0 {
		return nil
	}
	type claim struct {
		id      int64
		attempt int32
	}
	var (
		ids          = make([]int64, n)
		attempts     = make([]int32, n)
		executors    = make([][16]byte, n) // uuid.UUID is encoded by way of its text
		outcomes     = make([]string, n)
		permanents   = make([]bool, n)
		delays       = make([]float64, n)
		rowsAffected = make([]*int64, n)
		exitCodes    = make([]*int32, n)
		values       = make([]*string, n)
		errorCodes   = make([]*string, n)
		messages     = make([]*string, n)
		outputs      = make([]*string, n)
		outputBytes  = make([]int64, n)
	)
	for i, r := range results {
		ids[i], attempts[i], executors[i] = r.ID, r.Attempt, r.Executor
		outcomes[i], permanents[i], delays[i] = r.Outcome, r.Permanent, r.Delay.Seconds()
		rowsAffected[i], exitCodes[i] = r.RowsAffected, r.ExitCode
		values[i] = orNull(string(r.Result))
		errorCodes[i], messages[i] = orNull(r.ErrorCode), orNull(r.Error)
		outputs[i], outputBytes[i] = orNull(r.Output), r.OutputBytes
	}
	rows, err := db.Query(ctx, recordSQL, ids, attempts, executors, outcomes, permanents, delays, rowsAffected,
		exitCodes, values, errorCodes, messages, outputs, outputBytes, withRetries, hostname)
	if err != nil {
		return err
	}
	var (
		c    claim
		fate Fate
	)
	seen := make(map[claim]Fate, n)
	_, err = pgx.ForEachRow(rows, []any{&c.id, &c.attempt, &fate}, func() error {
		seen[c] = fate
		return nil
	})
	if err != nil {
		return err
	}
	for i, r := range results {
		fates[i] = seen[claim{r.ID, r.Attempt}]
	}
	return nil
}

// orNull returns nil for the empty string, which is stored as NULL.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
