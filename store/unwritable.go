package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Unwritable is a job whose row Postgres refuses to change: it is damaged, or
// breaks a rule that came after it. Its id stands in tag_unwritable_jobs, and no
// executor claims it while it does.
type Unwritable struct {
	ID               int64
	SQLState, Reason string
}

// rowError says that a statement failed for one of these jobs.
type rowError struct {
	ids []int64
	err error
}

func (e *rowError) Error() string { return e.err.Error() }
func (e *rowError) Unwrap() error { return e.err }

// ofOne returns err as a rowError if it is about one of the jobs.
func ofOne(ids []int64, err error) error {
	if badRow(err) {
		return &rowError{ids, err}
	}
	return err
}

// failedFor returns err, for which a statement failed, as one of the jobs that a
// query finds. If that fails for a row too, nothing is known of the jobs.
func (s *Store) failedFor(ctx context.Context, err error, sql string, args pgx.StrictNamedArgs) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	rows, findErr := s.pool.Query(ctx, sql, args)
	if findErr != nil {
		return errors.Join(err, findErr)
	}
	ids, findErr := pgx.CollectRows(rows, pgx.RowTo[int64])
	if findErr != nil {
		return errors.Join(err, findErr)
	}
	return ofOne(ids, err)
}

const isolateSQL = `-- tagexec: isolate jobs
SELECT job_id, error_code, error, is_new FROM tagexec.isolate_jobs($1::bigint[])`

// isolate finds out for which of its jobs a statement failed, so that it works
// when it is sent again: then it returns nil, and those jobs that nobody knew of.
// If the statement failed for something else it returns err.
func (s *Store) isolate(ctx context.Context, err error) ([]Unwritable, error) {
	var of *rowError
	if !errors.As(err, &of) {
		return nil, err
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	found, known, findErr := queryIsolated(ctx, s.pool, isolateSQL, of.ids)
	switch {
	case findErr != nil:
		return nil, errors.Join(err, fmt.Errorf("find the job: %w", findErr))
	case known == 0:
		return nil, err
	}
	return found, nil
}

// queryIsolated returns the isolated jobs that nobody knew of, and how many there
// are with those that somebody did.
func queryIsolated(ctx context.Context, db querier, sql string, args ...any) (found []Unwritable, all int, err error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, 0, err
	}
	var (
		u     Unwritable
		isNew bool
	)
	_, err = pgx.ForEachRow(rows, []any{&u.ID, &u.SQLState, &u.Reason, &isNew}, func() error {
		if all++; isNew {
			found = append(found, u)
		}
		return nil
	})
	return found, all, err
}

const noteUnwritableSQL = `-- tagexec: note unwritable job
INSERT INTO tagexec.tag_unwritable_jobs AS u (job_id, error_code, error)
VALUES ($1, $2, left($3, 500))
    ON CONFLICT (job_id) DO UPDATE
   SET tried_at = excluded.tried_at, error_code = excluded.error_code, error = excluded.error`

// noteUnwritable notes a job whose row Postgres refused to change with err.
func (s *Store) noteUnwritable(ctx context.Context, id int64, err error) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	var pg *pgconn.PgError
	errors.As(err, &pg)
	_, err = s.pool.Exec(ctx, noteUnwritableSQL, id, pg.Code, pg.Message)
	return err
}

// unwritableRetry is how often a job is tried again whose row could not be written.
const unwritableRetry = time.Minute

const retryUnwritableSQL = `-- tagexec: try unwritable jobs again
WITH due AS MATERIALIZED (
    SELECT job_id
      FROM tagexec.tag_unwritable_jobs
     WHERE tried_at < now() - $1::interval
     ORDER BY job_id
     LIMIT 100
       FOR UPDATE SKIP LOCKED
), still AS MATERIALIZED (
    SELECT t.job_id, t.error_code, t.error
      FROM tagexec.try_jobs(ARRAY(SELECT job_id FROM due)) t
), kept AS (
    UPDATE tagexec.tag_unwritable_jobs u
       SET tried_at = now(), error_code = s.error_code, error = s.error
      FROM still s
     WHERE u.job_id = s.job_id
)
DELETE FROM tagexec.tag_unwritable_jobs
 WHERE job_id = ANY (ARRAY(SELECT job_id FROM due))
   AND job_id <> ALL (ARRAY(SELECT job_id FROM still))`

// retryUnwritable offers those jobs again whose row can be written now, and
// forgets those that are gone.
func (s *Store) retryUnwritable(ctx context.Context) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if _, err := s.pool.Exec(ctx, retryUnwritableSQL, unwritableRetry); err != nil {
		return fmt.Errorf("try unwritable jobs again: %w", err)
	}
	return nil
}
