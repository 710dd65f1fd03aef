package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// The fence (attempt, executor_id, not finished) is tested on the locked rows.
// It must not stand in the WHERE of the update: with state there, the planner
// was seen to scan all running rows for every batch. With @retries, rows with a
// pending retry_request are written too, and left to resubmit_cancelled.
//
// An attempt that ended unavailable notes since when the job finds no executor
// that can run it, unless one lives that might. The job pauses for about half as
// long as that has lasted, and fails when it has lasted as long as an attempt may.
// It lasts until the last look at the server's clock (@clock), and from when that
// was last seen to have been set (@stepped): a step of it is no time that passed.
const recordSQL = `-- tagexec: record
WITH u AS MATERIALIZED (
    SELECT *
      FROM unnest(@ids::bigint[], @attempts::integer[], @executors::uuid[], @outcomes::text[], @permanent::boolean[],
                  @delays::double precision[], @rows_affected::bigint[], @exit_codes::integer[], @values::text[],
                  @error_codes::text[], @errors::text[], @outputs::text[], @output_bytes::bigint[], @query_ids::text[])
        AS u (id, attempt, executor_id, outcome, permanent, delay, rows_affected, exit_code, result, error_code, error, output, output_bytes, query_id)
), l AS MATERIALIZED (
    SELECT id, attempt, executor_id, started_at, deadline_at, finished_at, failures, max_attempts, cancel_requested_at, unavailable_since,
           retry_request IS NOT NULL AS retry, attempt_is_past, greatest(created_at, run_at) AS queued_at
      FROM tagexec.tag_jobs
     WHERE id = ANY (@ids::bigint[])
     ORDER BY id
       FOR UPDATE SKIP LOCKED
), ok AS MATERIALIZED (
    SELECT u.*, l.queued_at, l.attempt_is_past, s.since, w.waited,
           CASE WHEN u.outcome = 'succeeded' THEN 'succeeded'
                WHEN u.outcome = 'cancelled' OR l.cancel_requested_at IS NOT NULL THEN 'cancelled'
                WHEN u.outcome = 'interrupted' AND u.error_code = 'unavailable' AND w.waited >= l.deadline_at - l.started_at THEN 'failed'
                WHEN u.outcome = 'interrupted' THEN 'pending'
                WHEN u.permanent OR l.failures + 1 >= l.max_attempts THEN 'failed'
                ELSE 'pending'
           END AS state
      FROM u
      JOIN l ON l.id = u.id AND l.attempt = u.attempt AND l.executor_id = u.executor_id AND l.finished_at IS NULL
     CROSS JOIN LATERAL (
           SELECT CASE WHEN u.outcome <> 'interrupted' THEN NULL
                       WHEN u.error_code IS DISTINCT FROM 'unavailable' THEN l.unavailable_since
                       WHEN EXISTS (SELECT` + mayRunElsewhere + `) THEN NULL
                       ELSE least(l.unavailable_since, l.started_at) END AS since -- the former is later only if the clock was set back
            OFFSET 0) s
     CROSS JOIN LATERAL (
           SELECT CASE WHEN s.since IS NOT NULL THEN coalesce(@clock::timestamptz, statement_timestamp()) - greatest(s.since, @stepped::timestamptz) END AS waited
            OFFSET 0) w
     WHERE @retries OR NOT l.retry
), d AS (
    UPDATE tagexec.tag_jobs t
       SET state = ok.state,
           finished_at = statement_timestamp(),
           failures = t.failures + CASE WHEN ok.outcome IN ('failed', 'timed_out') AND ok.state <> 'cancelled' THEN 1 ELSE 0 END,
           run_at = CASE WHEN ok.state <> 'pending' THEN t.run_at
                         WHEN ok.outcome = 'interrupted' AND ok.error_code = 'unavailable'
                         THEN statement_timestamp() + (0.5 + random() / 2) * least('1 min', greatest('2 s', coalesce(ok.waited, '0') / 2))
                         ELSE statement_timestamp() + make_interval(secs => ok.delay) END,
           unavailable_since = ok.since,
           rows_affected = ok.rows_affected,
           exit_code = ok.exit_code,
           result = ok.result::jsonb,
           error_code = CASE WHEN ok.state = 'cancelled' THEN coalesce(ok.error_code, 'cancelled') ELSE ok.error_code END,
           error = CASE WHEN ok.state = 'failed' AND ok.since IS NOT NULL THEN format('nothing could run it since %s: %s', date_trunc('second', ok.since), ok.error) ELSE ok.error END,
           attempt_is_past = ok.attempt_is_past OR ok.state = 'pending',
           last_outcome = CASE WHEN NOT ok.attempt_is_past AND ok.state = 'failed' THEN ok.outcome END,
           last_output = CASE WHEN NOT ok.attempt_is_past AND ok.state <> 'pending' THEN ok.output END,
           last_output_bytes = CASE WHEN NOT ok.attempt_is_past AND ok.state <> 'pending' THEN nullif(ok.output_bytes, 0) END,
           last_query_id = CASE WHEN NOT ok.attempt_is_past AND ok.state <> 'pending' THEN ok.query_id END
      FROM ok
     WHERE t.id = ok.id
 RETURNING t.id, t.attempt, t.executor_id, t.attempt_is_past, ok.queued_at, t.started_at, t.finished_at,
           CASE WHEN t.state = 'cancelled' THEN 'cancelled' ELSE ok.outcome END AS outcome, t.rows_affected, t.exit_code,
           t.error_code, t.error, ok.output, ok.output_bytes, ok.query_id, t.tag, t.kind, t.pool, t.slots, t.batch, t.biz_date
), i AS (
    INSERT INTO tagexec.tag_past_attempts (job_id, attempt, executor_id, hostname, queued_at, started_at, finished_at, outcome, rows_affected,
                                           exit_code, error_code, error, output, output_bytes, tag, kind, pool, slots, batch, biz_date, query_id)
    SELECT d.id, d.attempt, d.executor_id, coalesce(e.hostname, ''), d.queued_at, d.started_at, d.finished_at, d.outcome, d.rows_affected,
           d.exit_code, d.error_code, d.error, d.output, d.output_bytes, d.tag, d.kind, d.pool, d.slots, d.batch, d.biz_date, d.query_id
      FROM d
      LEFT JOIN tagexec.tag_executors e ON e.id = d.executor_id
     WHERE d.attempt_is_past
)
SELECT u.id, u.attempt,
       CASE WHEN d.id IS NOT NULL THEN 'applied'
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
  LEFT JOIN d ON d.id = u.id AND d.attempt = u.attempt`

// mayRunElsewhere: a live executor but that of the attempt u takes the job, and
// calls nothing unavailable that the job needs. It is no function of the schema:
// while that is updated or taken back there is none, and results are stored.
const mayRunElsewhere = `
                               FROM tagexec.tag_jobs j
                               JOIN tagexec.tag_executors e ON j.kind = ANY (e.kinds) AND (e.pools IS NULL OR j.pool = ANY (e.pools)) AND (e.batch IS NULL OR e.batch = j.batch)
                              WHERE j.id = u.id
                                AND e.id <> u.executor_id
                                AND ` + Claiming + `
                                AND NOT EXISTS (SELECT FROM jsonb_to_recordset(e.unavailable) m (kind text, field text, pattern text)
                                                 WHERE m.kind = j.kind AND (m.field = '' OR coalesce(j.payload ->> m.field, '') ~ (m.pattern COLLATE "C")))`

const resubmitSQL = `-- tagexec: resubmit cancelled
SELECT tagexec.resubmit_cancelled($1::bigint[])`

// resubmit is the fate of a result whose job waits for a retry that was asked
// for while it was being cancelled; Record settles it itself.
const resubmit Fate = "resubmit"

// Record stores results, each with its attempt, and returns the fate of
// each, in their order. Repeating a call is harmless. A result that Postgres
// will not store is replaced by a note, and one whose job's row it will not
// change is left to the caller; neither touches the others. After a statement
// that took too long the next ones are smaller. On an error the fates that are
// not known are empty; call again with those results.
func (s *Store) Record(ctx context.Context, results []Result) ([]Fate, error) {
	fates := make([]Fate, len(results))
	for done := 0; done < len(results); {
		n, began := s.records.of(len(results)-done), time.Now()
		err := s.record(ctx, results[done:done+n], fates[done:done+n])
		s.records.sent(n, time.Since(began), err)
		if err != nil {
			return fates, fmt.Errorf("record results: %w", err)
		}
		done += n
	}
	return fates, nil
}

func (s *Store) record(ctx context.Context, results []Result, fates []Fate) error {
	err := s.recordOnce(ctx, results, fates)
	switch {
	case !badRow(err):
		return err
	case len(results) > 1:
		half := len(results) / 2
		return errors.Join(
			s.record(ctx, results[:half], fates[:half]),
			s.record(ctx, results[half:], fates[half:]))
	case badData(err):
		err = s.recordOther(ctx, results[0], err, fates)
	}
	if badRow(err) {
		fates[0] = Unwritten
		err = s.noteUnwritable(ctx, results[0].ID, err)
	}
	return err
}

// recordOnce sends results whose fate is not known, each at least once.
func (s *Store) recordOnce(ctx context.Context, results []Result, fates []Fate) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if err := s.recordSuccesses(ctx, results, fates); err != nil {
		return err
	}
	rest := withdraw(results, fates, func(i int) bool { return fates[i] == "" })
	err := s.writeTwice(ctx, s.pool, rest.results, rest.fates)
	waiting := withdraw(rest.results, rest.fates, func(i int) bool { return rest.fates[i] == resubmit })
	if err == nil && len(waiting.results) > 0 {
		if err = s.recordAndResubmit(ctx, waiting); err == nil {
			waiting.put(rest.fates)
		}
	}
	rest.put(fates)
	return err
}

// recordAndResubmit records results whose jobs are to be tried again, and makes them pending.
func (s *Store) recordAndResubmit(ctx context.Context, w withdrawn) error {
	return s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if err := s.write(ctx, tx, w.results, w.fates, true); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, resubmitSQL, column(w.results, func(r Result) int64 { return r.ID }))
		return err
	})
}

// writeTwice writes, and asks once more before a result counts as lost: a
// repeat that ran while its first copy committed saw the finished job but not
// yet its attempt row.
func (s *Store) writeTwice(ctx context.Context, db querier, results []Result, fates []Fate) error {
	if err := s.write(ctx, db, results, fates, false); err != nil {
		return err
	}
	lost := withdraw(results, fates, func(i int) bool { return fates[i] == Refused })
	err := s.write(ctx, db, lost.results, lost.fates, false)
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

// withdraw returns the results whose fate is not final: until another is put,
// it is not known.
func withdraw(results []Result, fates []Fate, which func(i int) bool) (w withdrawn) {
	for i := range results {
		if which(i) {
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
func (s *Store) write(ctx context.Context, db querier, results []Result, fates []Fate, withRetries bool) error {
	if len(results) == 0 {
		return nil
	}
	clock, stepped := s.watch.steps()
	type claim struct {
		id      int64
		attempt int32
	}
	rows, err := db.Query(ctx, recordSQL, pgx.StrictNamedArgs{
		"ids":           column(results, func(r Result) int64 { return r.ID }),
		"attempts":      column(results, func(r Result) int32 { return r.Attempt }),
		"executors":     column(results, func(r Result) [16]byte { return r.Executor }), // uuid.UUID is encoded by way of its text
		"outcomes":      column(results, func(r Result) string { return string(r.Outcome) }),
		"permanent":     column(results, func(r Result) bool { return r.Permanent }),
		"delays":        column(results, func(r Result) float64 { return r.Delay.Seconds() }),
		"rows_affected": column(results, func(r Result) *int64 { return r.RowsAffected }),
		"exit_codes":    column(results, func(r Result) *int32 { return r.ExitCode }),
		"values":        column(results, func(r Result) *string { return orNull(string(r.Value)) }),
		"error_codes":   column(results, func(r Result) *string { return orNull(r.ErrorCode) }),
		"errors":        column(results, func(r Result) *string { return orNull(r.Error) }),
		"outputs":       column(results, func(r Result) *string { return orNull(r.Output) }),
		"output_bytes":  column(results, func(r Result) int64 { return r.OutputBytes }),
		"query_ids":     column(results, func(r Result) *string { return orNull(r.QueryID) }),
		"retries":       withRetries,
		"clock":         clock,
		"stepped":       stepped,
	})
	if err != nil {
		return err
	}
	var (
		c    claim
		fate Fate
	)
	seen := make(map[claim]Fate, len(results))
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

// column returns one value of each result, as an array for unnest.
func column[T any](results []Result, value func(Result) T) []T {
	list := make([]T, len(results))
	for i, r := range results {
		list[i] = value(r)
	}
	return list
}

// orNull returns nil for the empty string, which is stored as NULL.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
