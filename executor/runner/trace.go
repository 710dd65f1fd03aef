package runner

import "regexp"

// traceparent is the field of every payload that names the trace which its job
// belongs to. Runners hand on that of the attempt: as TRACEPARENT to a command, as a
// header to an http server, and to a database as a comment.
const traceparent = "traceparent"

// w3c is a traceparent: version, trace, span and flags (www.w3.org/TR/trace-context).
var w3c = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// readTraceparent checks the traceparent of a payload. Whoever traces reads it.
func readTraceparent(o *object) {
	if parent := o.text(traceparent); o.has(traceparent) && !w3c.MatchString(parent) {
		o.refuse("%s %s must be a W3C traceparent, as in 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", traceparent, words.Quote(parent))
	}
}
