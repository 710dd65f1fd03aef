package cli

import (
	"bytes"
	"io"
)

// quiet is where the standard logger writes, which package net/http uses. Bytes
// that a server sent unasked it prints as they came, and they may hold the secret
// of a job: of such a line only the beginning passes.
type quiet struct{ to io.Writer }

func (q quiet) Write(line []byte) (int, error) {
	const unasked = "Unsolicited response received"
	if before, _, found := bytes.Cut(line, []byte(unasked)); found {
		_, err := q.to.Write(append(append(bytes.Clone(before), unasked...), '\n'))
		return len(line), err
	}
	return q.to.Write(line)
}
