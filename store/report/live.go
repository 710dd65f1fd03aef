package report

import (
	"context"
	"errors"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// PrimaryError says that nothing may be written here, or that what is not written to
// the log of the server cannot be read, as on a standby: then nobody can watch.
type PrimaryError struct{ Err error }

func (e *PrimaryError) Error() string {
	return "live output needs the primary server, and a login that may write there"
}
func (e *PrimaryError) Unwrap() error { return e.Err }

const watchSQL = `-- tagexec: watch output
SELECT tagexec.watch_output(@id::bigint) AS running`

// Watch makes the executor of a job show its output for the next 15 seconds. It reports
// whether the job runs now; the watch of one that is pending waits for it. The error is
// a *PrimaryError where that cannot be.
func (r *Reader) Watch(ctx context.Context, job int64) (running bool, err error) {
	bounded, cancel := context.WithTimeout(ctx, r.limit+answerTime)
	defer cancel()
	err = pgx.BeginTxFunc(bounded, r.pool, pgx.TxOptions{BeginQuery: r.begin(pgx.ReadCommitted, asTheLoginMay)}, func(tx pgx.Tx) error {
		return tx.QueryRow(bounded, watchSQL, pgx.StrictNamedArgs{"id": job}).Scan(&running)
	})
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg) && pg.Code == pgerrcode.NoDataFound:
		return false, noJob(job)
	case errors.As(err, &pg) && pg.Code == pgerrcode.LockNotAvailable: // somebody else renews it just now
		return true, nil
	case err != nil:
		return false, r.refine(ctx, "watch output", viewer, onPrimary(err))
	}
	return running, nil
}

// Chunk is a part of what a running attempt has printed.
type Chunk struct {
	AtByte      int64 // where it begins in what is shown
	Chunk       string
	OutputBytes int64 // what the attempt had printed where it ends
}

const chunksSQL = `-- tagexec: read live output
SELECT at_byte, chunk, output_bytes
  FROM tagexec.live_output(@id::bigint, @attempt::integer, @from::bigint)`

// Chunks returns what is shown of an attempt from a byte on, which is the end of a chunk
// or 0. There is nothing where nobody has watched, and where another attempt is the
// present one. The error is a *PrimaryError on a standby.
func (r *Reader) Chunks(ctx context.Context, job int64, attempt int, from int64) ([]Chunk, error) {
	list, err := ask[Chunk](ctx, r, "read live output", viewer, chunksSQL, pgx.StrictNamedArgs{"id": job, "attempt": attempt, "from": from})
	return list, onPrimary(err)
}

// onPrimary says of an error whether it is one of the server's role.
func onPrimary(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (pg.Code == pgerrcode.ReadOnlySQLTransaction || pg.Code == pgerrcode.FeatureNotSupported) {
		return &PrimaryError{err}
	}
	return err
}

// Standing is where a job stands.
type Standing struct {
	Tag     string
	State   string
	Attempt int
}

const standingSQL = `-- tagexec: where a job stands
SELECT j.tag, j.state, j.attempt
  FROM tagexec.tag_jobs j
 WHERE j.id = @id::bigint`

// Standing returns where a job stands. The error is a *MissingError if there is no such
// job.
func (r *Reader) Standing(ctx context.Context, job int64) (Standing, error) {
	return one[Standing](ctx, r, "read a job", viewer, standingSQL, pgx.StrictNamedArgs{"id": job}, noJob(job))
}
