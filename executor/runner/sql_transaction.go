package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tagexec/tagexec/executor"
)

// worthALine is how long one of several statements must take for the output to say so.
const worthALine = time.Second

// transaction runs a job's statements on one connection: in a transaction, or,
// where the payload says "atomic": false, one by one. It speaks the protocol
// through pgconn: unnamed statements leave nothing behind on the server, and
// values stay in text form, which no type of the server defeats.
type transaction struct {
	pg     *pgconn.PgConn
	types  *pgtype.Map
	atomic bool
	output *Capture      // what the server says
	shapes chan struct{} // see SQL
}

// begin opens the transaction. If that fails, nothing of the job was sent. It waits
// for nothing but the server, which may have fallen silent: then it gives up after
// limit.
func (t transaction) begin(ctx context.Context, limit time.Duration) error {
	bound, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return t.pg.Exec(bound, beginStatement(ctx, t.pg, t.atomic)).Close()
}

// run runs the statements. Its report holds what the server said, also with an
// error.
func (t transaction) run(ctx context.Context, statements []statement) (executor.Report, error) {
	executor.ShowOutput(ctx, t.output)
	t.pg.CustomData()[notesKey] = t.output
	defer delete(t.pg.CustomData(), notesKey)
	report, err := t.runAll(ctx, statements)
	report.Output, report.OutputBytes = t.output.String(), t.output.Len()
	return report, err
}

func (t transaction) runAll(ctx context.Context, statements []statement) (executor.Report, error) {
	var report executor.Report
	var rows int64
	for i, st := range statements {
		where := onlyStatement
		if len(statements) > 1 {
			where = fmt.Sprintf("statement %d of %d", i+1, len(statements))
		}
		began := time.Now()
		done, err := t.execute(ctx, where, st, i == len(statements)-1)
		if err != nil {
			return executor.Report{}, err
		}
		if took := time.Since(began); len(statements) > 1 && took >= worthALine {
			fmt.Fprintf(t.output, "%s, %.0f s\n", where, took.Seconds())
		}
		rows += done.rows
		report.Value = done.result
	}
	if err := t.finish(ctx); err != nil {
		return executor.Report{}, err
	}
	report.RowsAffected = &rows
	return report, nil
}

// executed is what one statement left.
type executed struct {
	rows   int64
	result json.RawMessage
}

// execute runs one statement. It reads the first row if asked to; the others do
// not come this far, see messages.
func (t transaction) execute(ctx context.Context, where string, st statement, wantRow bool) (executed, error) {
	if name := t.pg.ParameterStatus("client_encoding"); name != "" && !strings.EqualFold(name, "UTF8") && !strings.EqualFold(name, "UNICODE") {
		return executed{}, executor.Refusef("encoding_changed",
			"%s: a statement before it set client_encoding to %s; what is sent from here is UTF-8 and would become other text", where, name)
	}
	described, err := t.pg.Prepare(ctx, "", st.text+traceComment(ctx), nil)
	if err != nil {
		return executed{}, t.failure(ctx, where, st, err)
	}
	if got, want := len(st.args), len(described.ParamOIDs); got != want {
		return executed{}, executor.Refusef(badPayload, "%s takes %d arguments, args holds %d", where, want, got)
	}
	values := make([][]byte, len(st.args))
	for i, arg := range st.args {
		values[i] = bind(arg, described.ParamOIDs[i])
	}
	var done executed
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	reader := t.pg.ExecPrepared(ctx, "", values, nil, nil)
	fields := reader.FieldDescriptions() // nil if no rows can come, not if they have no columns
	if wantRow && reader.NextRow() {
		if len(reader.Values()) < len(fields) {
			stop() // ends the statement
			_, _ = reader.Close()
			return executed{}, executor.Refusef("row_too_large",
				"%s: its first row is longer than the %s bytes an executor takes; the result of a job is a summary", where, thousands(maxRow))
		}
		done.result = t.firstRow(reader)
	}
	tag, err := reader.Close()
	if err != nil {
		var server *pgconn.PgError
		if !t.atomic && ctx.Err() == nil && !errors.As(err, &server) {
			return executed{}, commitUnknown(where)
		}
		return executed{}, t.failure(ctx, where, st, err)
	}
	if t.atomic && (ended(tag) || t.pg.TxStatus() != 'T') {
		return executed{}, executor.Refusef("transaction_ended",
			"%s, a %s, ends the job's transaction; all statements of a job are one transaction, which is committed for them%s",
			where, tag, orNotAtomic)
	}
	done.rows = changedRows(st.text, tag, fields != nil)
	return done, nil
}

// firstRow returns the row that was read as a result. Where it cannot be one the
// output says why.
func (t transaction) firstRow(reader *pgconn.ResultReader) json.RawMessage {
	var size int64
	for _, value := range reader.Values() {
		size += int64(len(value))
	}
	if size <= maxResult { // what is longer gets no shorter as JSON
		result, err := t.shape(reader)
		if err != nil {
			fmt.Fprintf(t.output, "the returned row could not be written as JSON: %v\n", err)
			return nil
		}
		if size = int64(len(result)); size <= maxResult {
			return result
		}
	}
	fmt.Fprintf(t.output, "the returned row is no result: it has %s bytes, at most %s are kept\n", thousands(size), thousands(maxResult))
	return nil
}

func (t transaction) shape(reader *pgconn.ResultReader) (json.RawMessage, error) {
	t.shapes <- struct{}{}
	defer func() { <-t.shapes }()
	return rowResult(t.types, reader.FieldDescriptions(), reader.Values())
}

// ended reports whether a statement may have ended the transaction although one
// is open now (COMMIT AND CHAIN). ROLLBACK TO a savepoint looks the same.
func ended(tag pgconn.CommandTag) bool {
	return tag.String() == "COMMIT" || tag.String() == "ROLLBACK"
}

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
// all that the server says to the output.
func (t transaction) failure(ctx context.Context, where string, st statement, err error) error {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		writeMessage(t.output, server)
	}
	failed := sqlFailure(ctx, where, st.text, err)
	var f *executor.Failure
	if errors.As(failed, &f) {
		f.Message = hideArguments(f.Message, st)
		if t.atomic && (f.Code == pgerrcode.ActiveSQLTransaction || f.Code == pgerrcode.InvalidTransactionTermination) {
			f.Message += orNotAtomic
		}
	}
	return failed
}

// commitUnknown is the failure of what may have been stored or not.
func commitUnknown(during string) error {
	return executor.Failf("commit_unknown", "the connection was lost during %s: the changes may be stored or not", during)
}

// finish makes the work of the statements lasting, where each has not done so by
// itself.
func (t transaction) finish(ctx context.Context) error {
	if t.atomic {
		return t.commit(ctx)
	}
	if t.pg.TxStatus() != 'I' {
		return executor.Refusef("transaction_open",
			"the statements leave a transaction open, which was rolled back: a BEGIN of theirs needs a COMMIT")
	}
	return nil
}

func (t transaction) commit(ctx context.Context) error {
	results, err := t.pg.Exec(ctx, "COMMIT").ReadAll()
	var server *pgconn.PgError
	switch {
	case err == nil && len(results) == 1 && results[0].CommandTag.String() == "COMMIT":
		return nil
	case err == nil:
		return executor.Failf("transaction_ended", "the server rolled the transaction back at COMMIT")
	case errors.As(err, &server), pgconn.SafeToRetry(err):
		return t.failure(ctx, "COMMIT", statement{}, err)
	}
	return commitUnknown("COMMIT")
}

// rollback leaves the connection fit for the next job, or closed.
func (t transaction) rollback() {
	if t.pg.IsClosed() || t.pg.TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTime)
	defer cancel()
	_ = t.pg.Exec(ctx, "ROLLBACK").Close() // Release closes what is still in a transaction
}
