package runner

import (
	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/executor/runner/words"
)

// traceparent is the field of every payload that names the trace which its job
// belongs to. Runners hand on that of the attempt: as TRACEPARENT to a command, as a
// header to an http server, and to a database as a comment.
const traceparent = "traceparent"

// readTraceparent checks the traceparent of a payload. Whoever traces reads it.
func readTraceparent(o *object) {
	if parent := o.text(traceparent); o.has(traceparent) && !sql.IsTraceparent(parent) {
		o.refuse("%s %s must be a W3C traceparent, as in 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", traceparent, words.Quote(parent))
	}
}
