package hive

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/beltran/gohive/hiveserver"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql"
)

// serverError is what the server says.
type serverError struct{ state, message string }

func (e *serverError) Error() string { return e.state }

// refused returns what the server says if it did not do what it was asked to.
func refused(status *hiveserver.TStatus) error {
	switch status.GetStatusCode() {
	case hiveserver.TStatusCode_SUCCESS_STATUS, hiveserver.TStatusCode_SUCCESS_WITH_INFO_STATUS, hiveserver.TStatusCode_STILL_EXECUTING_STATUS:
		return nil
	}
	return &serverError{status.GetSqlState(), status.GetErrorMessage()}
}

// errorOf is the error of a statement that has ended, and not well.
func errorOf(status *hiveserver.TGetOperationStatusResp) error {
	e := &serverError{status.GetSqlState(), status.GetErrorMessage()}
	switch *status.OperationState {
	case hiveserver.TOperationState_CANCELED_STATE, hiveserver.TOperationState_CLOSED_STATE:
		e.state, e.message = cmp.Or(e.state, "cancelled_there"), cmp.Or(e.message, "somebody ended the statement in the engine")
	case hiveserver.TOperationState_TIMEDOUT_STATE:
		e.state, e.message = cmp.Or(e.state, "timed_out_there"), cmp.Or(e.message, "the engine ended the statement: its own limit of time was reached")
	}
	return e
}

var (
	// class is how Spark names an error, at the beginning of what it says.
	class = regexp.MustCompile(`\[([A-Z][A-Z0-9_.]*)\]`)
	// thrower is what stands before the cause: the classes that passed it on. The last is named.
	thrower = regexp.MustCompile(`^(?:.*[^\w.$])?([\w.$]+(?:Exception|Error)):`)
	// place is where in a statement an error is, by lines from 1.
	place = regexp.MustCompile(`\(line (\d+), pos (\d+)\)`)
)

// failure is what people read: the cause alone, in one line. Behind it stand the
// statement, its plan and a stack, 3 to 11 kB in all.
func (e *serverError) failure(where string) *executor.Failure {
	cause, named := "", class.FindStringSubmatch(e.message)
	for line := range strings.Lines(e.message) {
		line, _, _ = strings.Cut(line, "; line ")
		if cause = strings.TrimSpace(thrower.ReplaceAllString(line, "")); cause != "" {
			break
		}
	}
	code := e.state
	if code == "" && named != nil {
		code = named[1]
	}
	switch {
	case strings.HasPrefix(e.state, "42"), strings.HasPrefix(e.state, "0A"): // it quotes names
		cause = place.ReplaceAllStringFunc(cause, ownLine)
	case code != "":
		cause = sql.WithoutValues(cause)
	default: // whoever threw it, perhaps a function of the user's, may have put anything into it
		cause = "the output says what went wrong"
		if by := thrower.FindStringSubmatch(e.message); by != nil {
			cause = by[1] + "; " + cause
		}
	}
	return sql.Failed(where, cmp.Or(code, "error"), cmp.Or(cause, "the server does not say why"), neverPasses(e.state))
}

// ownLine is a place by the lines of the statement, before which the server has seen one
// with the name of the job.
func ownLine(at string) string {
	m := place.FindStringSubmatch(at)
	line, _ := strconv.Atoi(m[1]) // digits
	return fmt.Sprintf("(line %d, column %s)", line-1, m[2])
}

// neverPasses reports whether a statement that failed so fails every time: its text is
// wrong, or names what does not exist. A right can be granted.
func neverPasses(state string) bool {
	if len(state) != 5 || state == "42501" {
		return false
	}
	switch state[:2] {
	case "42", "0A", "3F":
		return true
	}
	return false
}
