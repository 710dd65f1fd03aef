package store

import (
	"context"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
)

// Nearly all results are successes whose rows nobody else wants. They need no lock
// before the update, which costs the server a fifth of a job: the fence stands in
// the WHERE. It is the one statement that waits for rows that it has not locked in
// the order of their ids first, although it updates them in that order. So it waits
// for less than the server takes to look for a deadlock, and what it could not do
// is left to recordSQL. The setting holds for this transaction, also behind a
// pooler, and counts for the waits that begin after it was made.
const recordSuccessesSQL = `-- tagexec: record successes
WITH u AS MATERIALIZED (
    SELECT u.*
      FROM (SELECT set_config('lock_timeout', '50ms', true)) s,
           unnest(@ids::bigint[], @attempts::integer[], @executors::uuid[], @rows_affected::bigint[], @exit_codes::integer[], @values::text[],
                  @outputs::text[], @output_bytes::bigint[])
           WITH ORDINALITY u (id, attempt, executor_id, rows_affected, exit_code, result, output, output_bytes, n)
     ORDER BY u.id
), d AS (
    UPDATE tagexec.tag_jobs t
       SET state = 'succeeded',
           finished_at = statement_timestamp(),
           unavailable_since = NULL,
           rows_affected = u.rows_affected,
           exit_code = u.exit_code,
           result = u.result::jsonb,
           error_code = NULL,
           error = NULL
      FROM u
     WHERE t.id = u.id
       AND t.attempt = u.attempt
       AND t.executor_id = u.executor_id
       AND t.finished_at IS NULL
       AND t.retry_request IS NULL
 RETURNING u.n, t.id, t.attempt, t.executor_id, greatest(t.created_at, t.run_at) AS queued_at, t.started_at, t.finished_at,
           t.rows_affected, t.exit_code, u.output, u.output_bytes
), i AS (
    INSERT INTO tagexec.tag_job_attempts (job_id, attempt, executor_id, hostname, queued_at, started_at, finished_at, outcome,
                                          rows_affected, exit_code, output, output_bytes)
    SELECT d.id, d.attempt, d.executor_id, @hostname, d.queued_at, d.started_at, d.finished_at, 'succeeded',
           d.rows_affected, d.exit_code, d.output, d.output_bytes
      FROM d
)
SELECT array_agg(n) FROM d`

// contention is for how long recordSQL records successes after a wait for a row
// was in vain: a forgotten session may hold it for hours.
const contention = time.Second

// recordSuccesses records the successes whose fate is not known and in whose way
// nothing stands, and notes that they are applied.
func (s *Store) recordSuccesses(ctx context.Context, hostname string, results []Result, fates []Fate) error {
	if until := s.contended.Load(); until != nil && time.Now().Before(*until) {
		return nil
	}
	w := withdraw(results, fates, func(i int) bool {
		r := &results[i]
		return r.Outcome == Succeeded && r.Error == "" && r.ErrorCode == "" && fates[i] == ""
	})
	if len(w.results) == 0 {
		return nil
	}
	var applied []int64 // the first is 1
	err := s.pool.QueryRow(ctx, recordSuccessesSQL, pgx.StrictNamedArgs{
		"ids":           column(w.results, func(r Result) int64 { return r.ID }),
		"attempts":      column(w.results, func(r Result) int32 { return r.Attempt }),
		"executors":     column(w.results, func(r Result) [16]byte { return r.Executor }),
		"rows_affected": column(w.results, func(r Result) *int64 { return r.RowsAffected }),
		"exit_codes":    column(w.results, func(r Result) *int32 { return r.ExitCode }),
		"values":        column(w.results, func(r Result) *string { return orNull(string(r.Value)) }),
		"outputs":       column(w.results, func(r Result) *string { return orNull(r.Output) }),
		"output_bytes":  column(w.results, func(r Result) int64 { return r.OutputBytes }),
		"hostname":      hostname,
	}).Scan(&applied)
	switch code(err) {
	case pgerrcode.LockNotAvailable, pgerrcode.DeadlockDetected:
		until := time.Now().Add(contention)
		s.contended.Store(&until)
		return nil
	}
	for _, n := range applied {
		w.fates[n-1] = Applied
	}
	w.put(fates)
	return err
}
