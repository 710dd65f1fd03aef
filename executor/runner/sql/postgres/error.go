package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/executor/runner/words"
	"github.com/tagexec/tagexec/store/postgres"
)

// sqlFailure turns an error of the driver into the error of the attempt. where
// says what was being done ("statement 2"); text is the statement, needed for
// the place of an error and never shown.
func sqlFailure(ctx context.Context, where, text string, err error) error {
	var server *pgconn.PgError
	isServer := errors.As(err, &server)
	if ctx.Err() != nil && (!isServer || server.Code == pgerrcode.QueryCanceled) {
		return sql.Ended(ctx, where)
	}
	if isServer {
		return serverFailure(where, text, server)
	}
	var tooLong *pgproto3.ExceededMaxBodyLenErr
	if errors.As(err, &tooLong) {
		return executor.Refusef("message_too_large", "%s: the server sent a message longer than the %s bytes an executor takes",
			where, words.Thousands(sql.MaxRow))
	}
	return sql.Lost(where)
}

// serverFailure tells what the server said without what may quote rows, values or
// the statement: never DETAIL, HINT, CONTEXT or the query.
func serverFailure(where, text string, e *pgconn.PgError) *executor.Failure {
	if e.Code == pgerrcode.SyntaxError && e.Routine == "exec_parse_message" {
		return executor.Refusef(e.Code, `%s holds several; put each into an element of "statements"`, where)
	}
	message := publicMessage(e)
	if names := objectNames(e); names != "" {
		message += " (" + names + ")"
	}
	if e.Position > 0 {
		message += " at " + place(text, int(e.Position))
	}
	return sql.Failed(where, e.Code, message, neverPasses(e.Code))
}

// objectNames lists what the error is about, unless the message says so.
func objectNames(e *pgconn.PgError) string {
	var names []string
	for _, n := range []struct{ kind, name string }{
		{"table", e.TableName}, {"column", e.ColumnName}, {"constraint", e.ConstraintName},
	} {
		if n.name != "" && !strings.Contains(e.Message, `"`+n.name+`"`) {
			names = append(names, n.kind+" "+n.name)
		}
	}
	return strings.Join(names, ", ")
}

// place turns the server's position (characters, from 1) into a line and a
// column, both from 1.
func place(text string, position int) string {
	line, column := 1, 1
	for _, r := range text {
		if position--; position <= 0 {
			break
		}
		if column++; r == '\n' {
			line, column = line+1, 1
		}
	}
	return fmt.Sprintf("line %d, column %d", line, column)
}

// neverPasses reports whether a statement that failed so fails every time: its
// text is wrong, or names what does not exist. Not so a missing privilege
// (42501: it can be granted, and another executor may have another login),
// errors in the data (22), violated constraints (23) and everything about
// connections, locks, resources and conflicts: those may pass another time.
func neverPasses(code string) bool {
	switch code {
	case pgerrcode.InsufficientPrivilege:
		return false
	case pgerrcode.ActiveSQLTransaction, pgerrcode.NoActiveSQLTransaction: // not allowed inside, or outside, a transaction
		return true
	}
	if len(code) != 5 {
		return false
	}
	switch code[:2] { // the class, which codes of extensions share
	case "42", // syntax error, missing table, column, function
		"0A", // feature not supported
		"2D", // COMMIT or ROLLBACK inside a procedure
		"3F": // missing schema
		return true
	}
	return false
}

// names are what a server quotes when it lets nobody in: login, host and database.
var names = regexp.MustCompile(quotationMark + `.*?` + quotationMark)

// connectFailure is the failure to get a connection, or to begin on one.
func connectFailure(err error) error {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		nameless := *server
		nameless.Message = names.ReplaceAllString(server.Message, "…")
		return serverFailure(sql.OnlyStatement, "", &nameless)
	}
	return sql.NoConnection(postgres.Reason(err))
}
