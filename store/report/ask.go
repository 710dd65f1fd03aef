package report

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tagexec/tagexec/store"
)

// Roles that may ask: of what is in tagreport, and of what is only in the tables.
const (
	analyst = "tagexec_analyst"
	viewer  = "tagexec_viewer"
)

// MissingError says that there is nothing of the name that was asked for.
type MissingError struct{ message string }

func (e *MissingError) Error() string { return e.message }

// Missing is the error of what is not there.
func Missing(format string, args ...any) error {
	return &MissingError{fmt.Sprintf(format, args...)}
}

func noJob(id int64) error {
	return Missing("there is no job %d: it was pruned or never existed", id)
}

func noBatch(batch string) error { return Missing("there is no batch %q", batch) }

// RefusedError says that the login may not ask. Role is the group role that may.
type RefusedError struct {
	Doing, Role string
	Err         error
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s: this login may not, an administrator can GRANT %s TO it: %v", e.Doing, e.Role, e.Err)
}
func (e *RefusedError) Unwrap() error { return e.Err }

// SlowError says that the answer took longer than the question may.
type SlowError struct {
	Doing string
	Limit time.Duration
	Err   error
}

func (e *SlowError) Error() string {
	return fmt.Sprintf("%s: the database needs more than %s for this: ask for less, as by a batch, a tag or a shorter time", e.Doing, e.Limit)
}
func (e *SlowError) Unwrap() error { return e.Err }

// Passing reports whether an error is one after which the same question may be answered
// later: the database is out of reach, or too busy.
func Passing(err error) bool {
	var (
		slow    *SlowError
		missing *MissingError
	)
	return errors.As(err, &slow) || store.Unreachable(err) && !errors.As(err, &missing)
}

// ask returns the rows of one question. doing is what it is called in an error, role
// who may ask it.
func ask[T any](ctx context.Context, r *Reader, doing, role, sql string, args pgx.QueryRewriter) (list []T, err error) {
	bounded, cancel := context.WithTimeout(ctx, r.limit+answerTime)
	defer cancel()
	err = pgx.BeginTxFunc(bounded, r.pool, pgx.TxOptions{BeginQuery: r.begin(pgx.ReadCommitted, pgx.ReadOnly)}, func(tx pgx.Tx) error {
		rows, err := tx.Query(bounded, sql, args)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByName[T])
		return err
	})
	if err != nil {
		return nil, r.refine(ctx, doing, role, err)
	}
	return list, nil
}

// refine says what an error means to who asked.
func (r *Reader) refine(ctx context.Context, doing, role string, err error) error {
	var pg *pgconn.PgError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &pg) && pg.Code == pgerrcode.InsufficientPrivilege:
		return &RefusedError{doing, role, err}
	case errors.As(err, &pg) && pg.Code == pgerrcode.NoDataFound:
		return &MissingError{pg.Message}
	case errors.As(err, &pg) && pg.Code == pgerrcode.QueryCanceled:
		return &SlowError{doing, r.limit, err}
	}
	return r.database.Locate(fmt.Errorf("%s: %w", doing, err))
}

// one is ask where there is one row, or none: then the error is absent.
func one[T any](ctx context.Context, r *Reader, doing, role, sql string, args pgx.QueryRewriter, absent error) (row T, err error) {
	list, err := ask[T](ctx, r, doing, role, sql, args)
	if err == nil && len(list) == 0 {
		err = absent
	}
	if err != nil {
		return row, err
	}
	return list[0], nil
}
