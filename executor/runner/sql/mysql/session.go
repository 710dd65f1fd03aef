package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql"
)

// rollbackTime is how long ROLLBACK may take before the connection is closed instead,
// which rolls back too, but later.
const rollbackTime = time.Second

// crowdedPause is after how long a connection is asked for again that the server
// refused because there are too many.
const crowdedPause = 50 * time.Millisecond

// session runs a job's statements on a connection of its own.
type session struct {
	engine *engine
	link   *link // nil: not connected
	job    sql.Job
	begun  bool // a transaction is open
	stored bool // what is sent now stores itself
}

// open connects. Where the server has as many connections as it allows, others may
// have theirs closed soon.
func (s *session) open(ctx context.Context) (err error) {
	bound, cancel := context.WithTimeout(ctx, s.engine.ConnectTimeout)
	defer cancel()
	defer context.AfterFunc(s.engine.alive, cancel)()
	for s.link == nil {
		s.link, err = s.engine.connect(bound, s.engine.Address())
		if err != nil && !(isCrowded(err) && pause(bound, crowdedPause)) {
			return connectFailure(err)
		}
	}
	if s.job.Attempt > 1 {
		s.endOrphans(ctx)
	}
	return nil
}

// QueryID is the server's id of the connection, as in its process list and log.
func (s *session) QueryID() string { return s.link.id }

// Exec runs one statement.
func (s *session) Exec(ctx context.Context, st sql.Statement) (done sql.Done, err error) {
	if ctx.Err() != nil {
		return done, sql.Ended(ctx, st.Where)
	}
	if err := s.keepsTransaction(st); err != nil {
		return done, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	err = s.doing(ctx, s.kill, func(open context.Context) error {
		done, err = s.exec(open, st, stop)
		return err
	})
	switch cause := context.Cause(ctx); {
	case err == nil && ctx.Err() == nil:
		return done, nil
	case errors.Is(cause, errRowTooLarge):
		return sql.Done{}, sql.RowTooLarge(st.Where)
	case ctx.Err() == nil && isLost(err):
		s.abandon()
	}
	return sql.Done{}, s.failure(ctx, st.Where, err) // also if it succeeded, as some do that are killed
}

// errRowTooLarge is why a statement is ended whose first row is too large.
var errRowTooLarge = errors.New("row too large")

// exec runs a statement by itself, or with its arguments beside it.
func (s *session) exec(ctx context.Context, st sql.Statement, stop context.CancelCauseFunc) (sql.Done, error) {
	text := s.job.Comment() + " " + st.Text + sql.TraceComment(ctx)
	run := func() (driver.Result, error) { return s.link.ExecContext(ctx, text, nil) }
	query := func() (driver.Rows, error) { return s.link.QueryContext(ctx, text, nil) }
	if prepared, err := s.prepare(ctx, text, st); err != nil {
		return sql.Done{}, err
	} else if prepared != nil {
		defer prepared.Close() // the server has room for so many
		values := bind(st.Args)
		run = func() (driver.Result, error) { return prepared.ExecContext(ctx, values) }
		query = func() (driver.Rows, error) { return prepared.QueryContext(ctx, values) }
	}
	if st.WantRow && mayReturnRows(st.Text) {
		rows, err := query()
		if err != nil {
			return sql.Done{}, err
		}
		done, err := s.readRow(ctx, st, rows, stop)
		if err == nil {
			s.showWarnings(ctx)
		}
		return done, err
	}
	result, err := run()
	if err != nil {
		return sql.Done{}, err
	}
	n, err := result.RowsAffected()
	s.showWarnings(ctx)
	return sql.Done{Rows: &n}, err
}

// readRow reads the first row; the others are dropped as they come.
func (s *session) readRow(ctx context.Context, st sql.Statement, rows driver.Rows, stop context.CancelCauseFunc) (sql.Done, error) {
	var done sql.Done
	values := make([]driver.Value, len(rows.Columns()))
	switch err := rows.Next(values); {
	case err == io.EOF || len(values) == 0:
	case err != nil:
		return done, errors.Join(err, rows.Close())
	case size(values) > sql.MaxRow:
		stop(errRowTooLarge)
	default:
		done.Row = s.firstRow(rows, values)
	}
	if err := rows.Close(); err != nil {
		return done, err
	}
	var err error
	done.Rows, err = s.changed(ctx, st, len(values) > 0)
	return done, err
}

// changed is how many rows a statement changed that may have returned some. The question
// makes MySQL, not MariaDB, forget the warnings, so it is asked only where it must be.
func (s *session) changed(ctx context.Context, st sql.Statement, returned bool) (*int64, error) {
	none := new(int64)
	switch {
	case returned && writes(st.Text): // INSERT … RETURNING: the server does not say it
		return nil, nil
	case returned && word(st.Text) != "CALL":
		return none, nil
	case !s.link.dialect.atomic:
		return nil, nil
	}
	_, rows, err := s.link.read(ctx, "SELECT ROW_COUNT()")
	if err != nil || len(rows) != 1 {
		return nil, err
	}
	if n, err := strconv.ParseInt(rows[0][0], 10, 64); err == nil && n >= 0 {
		return &n, nil
	}
	return none, nil
}

// End rolls back and closes the connection.
func (s *session) End() {
	defer s.engine.work.Done()
	defer s.engine.places.Leave()
	if s.link == nil {
		return
	}
	if s.begun {
		ctx, cancel := context.WithTimeout(s.engine.alive, rollbackTime)
		defer cancel()
		_ = s.link.run(ctx, "ROLLBACK")
	}
	s.link.close()
}

// prepare prepares a statement that has arguments, or looks as if it needed some.
// nil: it runs without.
func (s *session) prepare(ctx context.Context, text string, st sql.Statement) (prepared, error) {
	if !mayTakeArguments(st) {
		return nil, nil
	}
	made, err := s.link.PrepareContext(ctx, text)
	if err != nil && len(st.Args) == 0 && isFromServer(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if takes := made.NumInput(); takes != len(st.Args) {
		_ = made.Close()
		return nil, executor.Refusef(sql.BadPayload, "%s takes %d arguments, args holds %d", st.Where, takes, len(st.Args))
	}
	return made.(prepared), nil
}

// prepared is a statement that takes arguments.
type prepared interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}
