package store

import (
	"context"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
)

// Nearly all results are successes of first attempts, whose rows nobody else wants. They need no lock
// before the update, which costs the server a fifth of a job: the fence stands in
// the WHERE. It is the one statement that waits for rows that it has not locked in
// the order of their ids first, although it updates them in that order. So it waits
// for less than the server takes to look for a deadlock, and what it could not do
// is left to recordSQL. The setting holds for this transaction, also behind a
// pooler, and counts for the waits that begin after it was made. What is not finished
// is a CASE, because the planner would look for all such rows.
const recordSuccessesSQL = `-- tagexec: record successes
WITH u AS MATERIALIZED (
    SELECT u.*
      FROM (SELECT set_config('lock_timeout', '50ms', true)) s,
           unnest(@ids::bigint[], @attempts::integer[], @executors::uuid[], @rows_affected::bigint[], @exit_codes::integer[], @values::text[],
                  @outputs::text[], @output_bytes::bigint[], @query_ids::text[])
           WITH ORDINALITY u (id, attempt, executor_id, rows_affected, exit_code, result, output, output_bytes, query_id, n)
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
           error = NULL,
           last_output = u.output,
           last_output_bytes = nullif(u.output_bytes, 0),
           last_query_id = u.query_id
      FROM u
     WHERE t.id = u.id
       AND CASE WHEN t.finished_at IS NULL THEN t.attempt END = u.attempt
       AND t.executor_id = u.executor_id
       AND t.retry_request IS NULL
       AND NOT t.attempt_is_past
 RETURNING u.n
)
SELECT array_agg(n) FROM d`

// contention is for how long recordSQL records successes after a wait for a row
// was in vain: a forgotten session may hold it for hours.
const contention = time.Second

// recordSuccesses records the successes whose fate is not known and in whose way
// nothing stands, and notes that they are applied.
func (s *Store) recordSuccesses(ctx context.Context, results []Result, fates []Fate) error {
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
		"query_ids":     column(w.results, func(r Result) *string { return orNull(r.QueryID) }),
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
