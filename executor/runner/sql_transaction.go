package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tagexec/tagexec/executor"
)

// transaction runs a job's statements on one connection. It speaks the
// protocol through pgconn: unnamed statements leave nothing behind on the
// server, and values stay in text form, which no type of the server defeats.
type transaction struct {
	pg    *pgconn.PgConn
	types *pgtype.Map
}

func (t transaction) run(ctx context.Context, statements []statement) (executor.Outcome, error) {
	if err := t.pg.Exec(ctx, beginStatement(ctx, t.pg)).Close(); err != nil {
		return executor.Outcome{}, sqlFailure(ctx, "beginning the transaction", "", err)
	}
	var out executor.Outcome
	var rows int64
	for i, st := range statements {
		where := onlyStatement
		if len(statements) > 1 {
			where = fmt.Sprintf("statement %d of %d", i+1, len(statements))
		}
		done, err := t.execute(ctx, where, st, i == len(statements)-1)
		if err != nil {
			return executor.Outcome{}, err
		}
		rows += done.rows
		out.Result, out.Output = done.result, done.note
	}
	if err := t.commit(ctx); err != nil {
		return executor.Outcome{}, err
	}
	out.RowsAffected = &rows
	return out, nil
}

// executed is what one statement left.
type executed struct {
	rows   int64
	result json.RawMessage
	note   string // why there is no result though a row was returned
}

// execute runs one statement. It reads the first row if asked to and drops all
// others as they come.
func (t transaction) execute(ctx context.Context, where string, st statement, wantRow bool) (executed, error) {
	described, err := t.pg.Prepare(ctx, "", st.text, nil)
	if err != nil {
		return executed{}, sqlFailure(ctx, where, st.text, err)
	}
	if got, want := len(st.args), len(described.ParamOIDs); got != want {
		return executed{}, executor.Refusef(badPayload, "%s takes %d arguments, args holds %d", where, want, got)
	}
	values := make([][]byte, len(st.args))
	for i, arg := range st.args {
		values[i] = bind(arg, described.ParamOIDs[i])
	}
	var done executed
	reader := t.pg.ExecPrepared(ctx, "", values, nil, nil)
	returnsRows := len(reader.FieldDescriptions()) > 0
	if wantRow && reader.NextRow() {
		done.result, done.note = t.firstRow(reader)
	}
	for reader.NextRow() {
	}
	tag, err := reader.Close()
	if err != nil {
		return executed{}, sqlFailure(ctx, where, st.text, err)
	}
	if ended(tag) || t.pg.TxStatus() != 'T' {
		return executed{}, executor.Refusef("transaction_ended",
			"%s, a %s, ends the job's transaction; all statements of a job are one transaction, which is committed for them",
			where, tag)
	}
	done.rows = changedRows(tag, returnsRows)
	return done, nil
}

func (t transaction) firstRow(reader *pgconn.ResultReader) (json.RawMessage, string) {
	result, err := rowResult(t.types, reader.FieldDescriptions(), reader.Values())
	switch {
	case err != nil:
		return nil, "the returned row could not be written as JSON: " + err.Error()
	case len(result) > maxResult:
		return nil, fmt.Sprintf("the returned row is no result: as JSON it has %s bytes, at most %s are kept",
			thousands(int64(len(result))), thousands(maxResult))
	}
	return result, ""
}

// ended tells whether a statement may have ended the transaction although one
// is open now (COMMIT AND CHAIN). ROLLBACK TO a savepoint looks the same.
func ended(tag pgconn.CommandTag) bool {
	return tag.String() == "COMMIT" || tag.String() == "ROLLBACK"
}

// changedRows returns what counts as affected. A tag SELECT counts where rows
// went into a table (SELECT INTO, CREATE TABLE AS), not to us.
func changedRows(tag pgconn.CommandTag, returnsRows bool) int64 {
	if tag.Insert() || tag.Update() || tag.Delete() || strings.HasPrefix(tag.String(), "MERGE") ||
		tag.Select() && !returnsRows {
		return tag.RowsAffected()
	}
	return 0
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
		return sqlFailure(ctx, "COMMIT", "", err)
	}
	return executor.Failf("commit_unknown",
		"the connection was lost during COMMIT: the changes may be stored or not")
}

// rollback leaves the connection fit for the next job, or closed.
func (t transaction) rollback() {
	if t.pg.IsClosed() || t.pg.TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), resetTime)
	defer cancel()
	_ = t.pg.Exec(ctx, "ROLLBACK").Close() // Release closes what is still in a transaction
}
