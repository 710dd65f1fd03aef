package overhttp

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

// Answer is an error for an answer that is none, in words for everybody.
type Answer string

func (a Answer) Error() string { return string(a) }

// Answers of something else than the engine.
const (
	Redirect Answer = "the server sends us elsewhere, which is not followed"
	Away     Answer = "the server, or what stands before it, answers with an error of its own"
)

// Reason names in a few words why there was no answer, without address and login.
func Reason(err error) string {
	var wrapped *url.Error
	var answer Answer
	switch {
	case errors.As(err, &answer):
		return answer.Error()
	case errors.Is(err, http.ErrSchemeMismatch):
		return "the server does not answer in TLS"
	case strings.Contains(err.Error(), "malformed HTTP"):
		return "what answers there does not speak HTTP"
	case errors.As(err, &wrapped):
		err = wrapped.Err // which says nothing of the URL
	}
	return sql.Reason(err)
}

// NotSent reports whether a request failed before anything of it was sent.
func NotSent(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &dns) || errors.As(err, &op) && op.Op == "dial"
}
