package sql

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"regexp"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/words"
	"github.com/tagexec/tagexec/store/postgres"
)

// maxMessage is the longest message of a server in the error of an attempt, in bytes:
// some send their whole plan.
const maxMessage = 1 << 10

// Failed is the failure that the server told, by the engine's own code. where is that
// of the statement. The message is for everybody who may read tagreport: it must not
// hold the statement, nor data.
func Failed(where, code, message string, permanent bool) *executor.Failure {
	message = words.Clip(message, maxMessage)
	if where != OnlyStatement {
		message = where + ": " + message
	}
	return &executor.Failure{Code: code, Message: message, Permanent: permanent}
}

// Ended is the error of what ended because its context did.
func Ended(ctx context.Context, where string) error {
	return fmt.Errorf("%s was ended: %w", where, context.Cause(ctx))
}

// Lost is the failure of a statement whose connection went away: nothing of an
// atomic job was kept.
func Lost(where string) *executor.Failure {
	return executor.Failf("connection_lost", "%s: the connection to the server was lost", where)
}

// NotBegun is the failure of a statement that the server did not begin, since it is full or
// away: if it is the first of its job, the attempt counts as none.
type NotBegun struct{ *executor.Failure }

// Unwrap returns the failure.
func (n NotBegun) Unwrap() error { return n.Failure }

// CommitUnknown is the failure of what may have been stored or not.
func CommitUnknown(during string) *executor.Failure {
	return executor.Failf("commit_unknown", "the connection was lost during %s: the changes may be stored or not", during)
}

// NoConnection is the failure to connect, for a reason that names neither address nor
// login.
func NoConnection(reason string) *executor.Failure {
	return executor.Failf("connection_failed", "%s", words.Clip(reason, 200))
}

// BadPayload is the code of every payload that cannot be run anywhere.
const BadPayload = "bad_payload"

// Unreachable is the failure to connect, from the error of a dial or a handshake.
func Unreachable(err error) *executor.Failure { return NoConnection(Reason(err)) }

// Reason names in a few words why a connection could not be made, without the address
// and the login.
func Reason(err error) string {
	var authority x509.UnknownAuthorityError
	var late interface{ Timeout() bool } // of a context, a connection, or a handshake of HTTP
	switch {
	case errors.As(err, &authority):
		return "the server's certificate is signed by an unknown authority (tls_ca names the file of those that are known)"
	case errors.As(err, &late) && late.Timeout():
		return "no answer within connect_timeout"
	}
	return postgres.Reason(err) // what it knows of networks holds for every engine
}

// quoted is what stands in quotation marks: from the first to the last, since a value
// may hold some too.
var quoted = regexp.MustCompile("(?s)[\"'`].*[\"'`]")

// WithoutValues is a server's message without what it quotes: of an error in the data
// that are values.
func WithoutValues(message string) string { return quoted.ReplaceAllString(message, "…") }
