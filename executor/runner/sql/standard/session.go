package standard

import (
	"context"
	stdsql "database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql"
)

// session is a connection for one job, in a transaction where the job is atomic.
type session struct {
	engine *engine
	conn   *stdsql.Conn
	tx     *stdsql.Tx // nil: none
	job    sql.Job
}

// Begin begins the transaction.
func (s *session) Begin(ctx context.Context) error {
	if !s.job.Atomic || !s.engine.about.Traits.Atomic {
		return nil
	}
	var err error
	if s.tx, err = s.conn.BeginTx(context.WithoutCancel(ctx), nil); err != nil { // else the driver rolls back by itself
		return s.engine.unreachable(err)
	}
	return nil
}

// Commit commits it.
func (s *session) Commit(ctx context.Context) error {
	switch {
	case s.tx == nil:
		return nil
	case ctx.Err() != nil:
		return sql.Ended(ctx, "COMMIT")
	}
	err := s.tx.Commit()
	if err != nil && s.broken(err) {
		return sql.CommitUnknown("COMMIT")
	}
	return s.failure(ctx, "COMMIT", err)
}

// QueryID is "": database/sql knows none.
func (*session) QueryID() string { return "" }

// End rolls back what is not committed, and closes the connection.
func (s *session) End() {
	if s.tx != nil {
		_ = s.tx.Rollback() // does nothing after Commit
	}
	_ = s.conn.Close()
}

// returnsRows finds the statements that are asked for rows; the others are asked how many
// they changed. The interface of drivers has no way to ask for both.
var returnsRows = regexp.MustCompile(`(?is)^(\s|--[^\n]*\n|/\*.*?\*/)*(SELECT|WITH|VALUES|SHOW|EXPLAIN|DESCRIBE|PRAGMA|TABLE)\b`)

// Exec runs one statement.
func (s *session) Exec(ctx context.Context, st sql.Statement) (sql.Done, error) {
	args := make([]any, len(st.Args))
	for i, arg := range st.Args {
		args[i] = bind(arg)
	}
	rows, err := s.look(st)
	if err != nil {
		return sql.Done{}, s.failure(ctx, st.Where, err)
	}
	text := s.job.Comment() + " " + st.Text
	if rows {
		row, err := s.query(ctx, text, args)
		if errors.Is(err, errTooLong) {
			return sql.Done{}, sql.RowTooLarge(st.Where)
		}
		if err != nil {
			return sql.Done{}, s.failure(ctx, st.Where, err)
		}
		if row != nil {
			row = sql.Fits(row, s.job.Output)
		}
		return sql.Done{Row: row}, nil
	}
	changed, err := s.conn.ExecContext(ctx, text, args...)
	if err != nil {
		if !s.job.Atomic && ctx.Err() == nil && s.broken(err) {
			return sql.Done{}, sql.CommitUnknown(st.Where)
		}
		return sql.Done{}, s.failure(ctx, st.Where, err)
	}
	if rows, err := changed.RowsAffected(); err == nil && s.engine.about.Traits.Counts {
		return sql.Done{Rows: &rows}, nil
	}
	return sql.Done{}, nil
}

// look reports whether a statement returns rows, unless it must not run.
func (s *session) look(st sql.Statement) (rows bool, err error) {
	if s.engine.about.Look == nil {
		return returnsRows.MatchString(st.Text), nil
	}
	err = s.conn.Raw(func(conn any) error {
		rows, err = s.engine.about.Look(conn, st)
		return err
	})
	return rows, err
}

// query runs a statement that returns rows, and reads the first.
func (s *session) query(ctx context.Context, text string, args []any) (json.RawMessage, error) {
	rows, err := s.conn.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var row json.RawMessage
	if rows.Next() {
		if row, err = object(rows, s.engine.about.JSON); err != nil {
			return nil, err
		}
	}
	for rows.Next() { // to the end: an error may come with a later row
	}
	return row, rows.Err()
}

// broken reports whether an error is that of the connection.
func (s *session) broken(err error) bool {
	var network net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, stdsql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network)
}

// failure is the error of the attempt for an error of the driver; nil for nil.
func (s *session) failure(ctx context.Context, where string, err error) error {
	var refused *executor.Failure
	if err == nil || errors.As(err, &refused) {
		return err
	}
	fmt.Fprintln(s.job.Output, err)
	switch {
	case ctx.Err() != nil:
		return sql.Ended(ctx, where)
	case s.broken(err):
		return sql.Lost(where)
	case s.engine.about.Classify == nil:
		return sql.Failed(where, "error", "the engine refused it; the output says why", false)
	}
	code, message, permanent := s.engine.about.Classify(err)
	return sql.Failed(where, code, message, permanent)
}
