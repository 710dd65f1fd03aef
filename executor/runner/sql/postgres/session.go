package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql"
)

// session runs a job's statements on one connection: in a transaction, or,
// where the payload says "atomic": false, one by one. It speaks the protocol
// through pgconn: unnamed statements leave nothing behind on the server, and
// values stay in text form, which no type of the server defeats.
type session struct {
	engine *engine
	conn   *pgxpool.Conn
	pg     *pgconn.PgConn
	types  *pgtype.Map
	job    sql.Job
}

// maxShapes is how many rows become JSON at the same time: an array of many
// elements takes up to 20 MB for the few milliseconds that it lasts.
const maxShapes = 4

// shapes holds a token for each row that becomes JSON now, in the whole process.
var shapes = make(chan struct{}, maxShapes)

// QueryID is the process of the server, as in pg_stat_activity and its log.
func (s *session) QueryID() string { return strconv.FormatUint(uint64(s.pg.PID()), 10) }

// Exec runs one statement. It reads the first row if asked to; the others do
// not come this far, see messages.
func (s *session) Exec(ctx context.Context, st sql.Statement) (sql.Done, error) {
	if name := s.pg.ParameterStatus("client_encoding"); name != "" && !strings.EqualFold(name, "UTF8") && !strings.EqualFold(name, "UNICODE") {
		return sql.Done{}, executor.Refusef("encoding_changed",
			"%s: a statement before it set client_encoding to %s; what is sent from here is UTF-8 and would become other text", st.Where, name)
	}
	described, err := s.pg.Prepare(ctx, "", st.Text+sql.TraceComment(ctx), nil)
	if err != nil {
		return sql.Done{}, s.failure(ctx, st.Where, st.Text, err)
	}
	if got, want := len(st.Args), len(described.ParamOIDs); got != want {
		return sql.Done{}, executor.Refusef(sql.BadPayload, "%s takes %d arguments, args holds %d", st.Where, want, got)
	}
	values := make([][]byte, len(st.Args))
	for i, arg := range st.Args {
		values[i] = bind(arg, described.ParamOIDs[i])
	}
	var done sql.Done
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	reader := s.pg.ExecPrepared(ctx, "", values, nil, nil)
	fields := reader.FieldDescriptions() // nil if no rows can come, not if they have no columns
	if st.WantRow && reader.NextRow() {
		if len(reader.Values()) < len(fields) {
			stop() // ends the statement
			_, _ = reader.Close()
			return sql.Done{}, sql.RowTooLarge(st.Where)
		}
		done.Row = s.firstRow(reader)
	}
	tag, err := reader.Close()
	if err != nil {
		var server *pgconn.PgError
		if !s.job.Atomic && ctx.Err() == nil && !errors.As(err, &server) {
			return sql.Done{}, sql.CommitUnknown(st.Where)
		}
		return sql.Done{}, s.failure(ctx, st.Where, st.Text, err)
	}
	if s.job.Atomic && (ended(tag) || s.pg.TxStatus() != 'T') {
		return sql.Done{}, executor.Refusef("transaction_ended",
			"%s, a %s, ends the job's transaction; all statements of a job are one transaction, which is committed for them%s",
			st.Where, tag, orNotAtomic)
	}
	rows := changedRows(st.Text, tag, fields != nil)
	done.Rows = &rows
	return done, nil
}

// firstRow returns the row that was read as a result. Where it cannot be one the
// output says why.
func (s *session) firstRow(reader *pgconn.ResultReader) json.RawMessage {
	var size int64
	for _, value := range reader.Values() {
		size += int64(len(value))
	}
	if size > sql.MaxResult { // it gets no shorter as JSON
		sql.NoResult(size, s.job.Output)
		return nil
	}
	row, err := s.shape(reader)
	if err != nil {
		fmt.Fprintf(s.job.Output, "the returned row could not be written as JSON: %v\n", err)
		return nil
	}
	return sql.Fits(row, s.job.Output)
}

func (s *session) shape(reader *pgconn.ResultReader) (json.RawMessage, error) {
	shapes <- struct{}{}
	defer func() { <-shapes }()
	return rowResult(s.types, reader.FieldDescriptions(), reader.Values())
}

// ended reports whether a statement may have ended the transaction although one
// is open now (COMMIT AND CHAIN). ROLLBACK TO a savepoint looks the same.
func ended(tag pgconn.CommandTag) bool {
	return tag.String() == "COMMIT" || tag.String() == "ROLLBACK"
}

// copyIntoTable tells COPY table FROM from COPY … TO, where the server's answer does not.
var copyIntoTable = regexp.MustCompile(`(?is)^(\s|--[^\n]*\n|/\*.*?\*/)*COPY\s+("[^"]*"|[^\s"(])+\s*(\([^)]*\)\s*)?FROM\b`)

// changedRows returns what counts as affected. A tag SELECT counts where rows
// went into a table (SELECT INTO, CREATE TABLE AS), not to us; so does COPY.
func changedRows(statement string, tag pgconn.CommandTag, returnsRows bool) int64 {
	if tag.Insert() || tag.Update() || tag.Delete() || strings.HasPrefix(tag.String(), "MERGE") ||
		tag.Select() && !returnsRows || strings.HasPrefix(tag.String(), "COPY") && copyIntoTable.MatchString(statement) {
		return tag.RowsAffected()
	}
	return 0
}

// orNotAtomic is the way out for a statement that a transaction keeps from its
// work.
const orNotAtomic = `; "atomic": false in the payload runs its statements without one`

// failure turns an error of the driver into the error of the attempt, and writes
// all that the server says to the output. text is the statement, "" for ours.
func (s *session) failure(ctx context.Context, where, text string, err error) error {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		writeMessage(s.job.Output, server)
	}
	failed := sqlFailure(ctx, where, text, err)
	var f *executor.Failure
	if errors.As(failed, &f) && s.job.Atomic && (f.Code == pgerrcode.ActiveSQLTransaction || f.Code == pgerrcode.InvalidTransactionTermination) {
		f.Message += orNotAtomic
	}
	var set *executor.Interrupted
	if was := s.unlessClockWasSet(ctx, err); errors.As(was, &set) {
		return was
	}
	return failed
}

// Commit commits, where the statements are a transaction.
func (s *session) Commit(ctx context.Context) error {
	if s.job.Atomic {
		return s.commit(ctx)
	}
	if s.pg.TxStatus() != 'I' {
		return executor.Refusef("transaction_open",
			"the statements leave a transaction open, which was rolled back: a BEGIN of theirs needs a COMMIT")
	}
	return nil
}

func (s *session) commit(ctx context.Context) error {
	if s.pg.IsClosed() {
		return sql.Lost("COMMIT")
	}
	results, err := s.pg.Exec(ctx, "COMMIT").ReadAll()
	var server *pgconn.PgError
	// Of an answer that was lost the driver says so, too, but then it has closed the connection.
	unsent := pgconn.SafeToRetry(err) && !s.pg.IsClosed()
	switch {
	case err == nil && len(results) == 1 && results[0].CommandTag.String() == "COMMIT":
		return nil
	case err == nil:
		return executor.Failf("transaction_ended", "the server rolled the transaction back at COMMIT")
	case errors.As(err, &server), unsent:
		return s.failure(ctx, "COMMIT", "", err)
	}
	return sql.CommitUnknown("COMMIT")
}

// End gives the connection back, fit for the next job, or closed.
func (s *session) End() {
	s.rollback()
	delete(s.pg.CustomData(), notesKey)
	s.conn.Release()
}

func (s *session) rollback() {
	if s.pg.IsClosed() || s.pg.TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTime)
	defer cancel()
	_ = s.pg.Exec(ctx, "ROLLBACK").Close() // Release closes what is still in a transaction
}
