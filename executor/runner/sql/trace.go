package sql

import (
	"context"
	"regexp"

	"github.com/tagexec/tagexec/executor"
)

// w3c is a traceparent: version, trace, span and flags (www.w3.org/TR/trace-context).
var w3c = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// IsTraceparent reports whether a text is a traceparent.
func IsTraceparent(text string) bool { return w3c.MatchString(text) }

// TraceComment is what goes behind a statement, as sqlcommenter writes it; "" if
// nobody traces. It begins a line of its own, because the statement may end in a
// comment.
func TraceComment(ctx context.Context) string {
	parent := executor.Traceparent(ctx)
	if !IsTraceparent(parent) {
		return ""
	}
	return "\n/*traceparent='" + parent + "'*/"
}
