package cli

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"syscall"
)

// output is stdout or stderr as the commands see it. Every line of every command
// goes through it: nothing that a terminal would obey passes but the ends of
// lines and tabs, and a write never fails, because no command could do more about
// that than another. It may be written to concurrently.
type output struct {
	raw    io.Writer
	outlet *outlet
	result bool // stdout: what is written waits until there is room for it

	failed error // the first write that did; guarded by outlet.mu
	unread bool  // something found no room; guarded by outlet.mu
}

// errUnread: the reader of a stream has stopped reading.
var errUnread = errors.New("nobody reads it")

// Write writes the printable form of p in one piece.
func (o *output) Write(p []byte) (int, error) {
	o.outlet.put(o, appendPrintable(make([]byte, 0, len(p)), p, "\n\t"))
	return len(p), nil
}

// lost returns why something that was written is not where it belongs. A reader
// that closed its end of a pipe has seen what it wanted.
func (o *output) lost() error {
	written := o.outlet.flush()
	o.outlet.mu.Lock()
	defer o.outlet.mu.Unlock()
	switch path := (*fs.PathError)(nil); {
	case errors.Is(o.failed, syscall.EPIPE):
		return nil
	case errors.As(o.failed, &path):
		return path.Err
	case o.failed != nil:
		return o.failed
	case !written || o.unread:
		return errUnread
	}
	return nil
}

// drawing is an output that draws with what a terminal obeys.
type drawing struct{ *output }

func (d drawing) Write(p []byte) (int, error) {
	d.outlet.put(d.output, bytes.Clone(p))
	return len(p), nil
}

// Unguarded returns w without the guard against what a terminal obeys, for who draws
// or colours. Text of a job must be Printable before it is written there.
func Unguarded(w io.Writer) io.Writer {
	if o, ok := w.(*output); ok {
		return drawing{o}
	}
	return w
}
