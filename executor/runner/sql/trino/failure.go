package trino

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/executor/runner/sql/overhttp"
)

// queryError is an error that the server told.
type queryError struct {
	Message       string // for the output of the job only: it may quote the statement and data
	ErrorName     string
	ErrorLocation *struct{ LineNumber, ColumnNumber int }
}

// neverPass are the names of errors of statements that fail every time: their text is
// wrong, or names what is not there. The type USER_ERROR says less: it is also that of a
// query that an operator ended, and of errors in the data.
var neverPass = []string{
	"SYNTAX_ERROR", "TABLE_NOT_FOUND", "COLUMN_NOT_FOUND", "FUNCTION_NOT_FOUND", "CATALOG_NOT_FOUND", "SCHEMA_NOT_FOUND",
	"TYPE_MISMATCH", "NOT_SUPPORTED", "INVALID_LITERAL", "MISSING_CATALOG_NAME", "MISSING_SCHEMA_NAME", "AMBIGUOUS_NAME",
}

// notBegun are the names of errors of queries of which nothing ran.
var notBegun = []string{"QUERY_QUEUE_FULL", "SERVER_STARTING_UP", "SERVER_SHUTTING_DOWN"}

const (
	wasCancelled = "USER_CANCELED"
	wrongNumber  = "INVALID_PARAMETER_USAGE"
)

// missing finds the name of what is not there.
var missing = regexp.MustCompile(`(?:Table|Column|Function|Catalog|Schema) '([\w.]+)' (?:does not exist|cannot be resolved|not registered|not found)`)

// words says what is wrong, in our words: the server's may hold data.
func (e *queryError) words(st sql.Statement) string {
	text := strings.ToLower(strings.ReplaceAll(e.ErrorName, "_", " "))
	if found := missing.FindStringSubmatch(e.Message); found != nil {
		text += ": " + found[1]
	}
	switch at := e.ErrorLocation; {
	case at == nil:
	case len(st.Args) > 0: // columns count from a text that is ours
		text += fmt.Sprintf(" at line %d", at.LineNumber)
	default:
		text += fmt.Sprintf(" at line %d, column %d", at.LineNumber, at.ColumnNumber)
	}
	return text
}

// failure turns an error into that of the attempt, and tells the output all that the
// server said.
func (s *session) failure(ctx context.Context, st sql.Statement, told *queryError, err error) error {
	if told != nil {
		fmt.Fprintf(s.job.Output, "%s: %s\n", told.ErrorName, told.Message)
	}
	var code status
	switch {
	case ctx.Err() != nil && (told == nil || told.ErrorName == wasCancelled):
		return sql.Ended(ctx, st.Where)
	case told != nil && told.ErrorName == wrongNumber:
		return sql.Failed(st.Where, sql.BadPayload, "args holds another number of values than the statement has ?", true)
	case told != nil && slices.Contains(notBegun, told.ErrorName):
		return sql.NotBegun{Failure: sql.Failed(st.Where, told.ErrorName, told.words(st), false)}
	case told != nil:
		return sql.Failed(st.Where, told.ErrorName, told.words(st), slices.Contains(neverPass, told.ErrorName))
	case errors.Is(err, errTooLarge):
		return sql.RowTooLarge(st.Where)
	case errors.Is(err, errElsewhere):
		return sql.Failed(st.Where, "connection_failed", "the server says that the query goes on at another address, where the login is not sent", false)
	case s.id == "" && errors.As(err, &code):
		return sql.NotBegun{Failure: sql.Failed(st.Where, "connection_failed", code.Error(), false)}
	case s.id == "" && (overhttp.NotSent(err) || errors.Is(err, refused) || errors.Is(err, overhttp.Redirect)):
		return sql.NotBegun{Failure: sql.NoConnection(overhttp.Reason(err))}
	}
	return sql.CommitUnknown(st.Where)
}
