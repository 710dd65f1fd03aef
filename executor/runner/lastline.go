package runner

import "bytes"

// maxLine is the longest line that lastLine remembers, in bytes.
const maxLine = 64 << 10

// lastLine remembers the last line written to it that is not blank, whether or
// not a newline ended it. Its memory is bounded by two lines; of a line longer
// than maxLine nothing is kept. It is for one writing goroutine.
type lastLine struct {
	last    []byte
	current []byte
	long    bool // the current line is longer than maxLine
}

// Write takes all of p. It never fails.
func (l *lastLine) Write(p []byte) (int, error) {
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			l.add(p)
			return n, nil
		}
		l.add(p[:i])
		l.end()
		p = p[i+1:]
	}
}

func (l *lastLine) add(p []byte) {
	if l.long || len(l.current)+len(p) > maxLine {
		l.long = true
		l.current = l.current[:0]
		return
	}
	l.current = append(l.current, p...)
}

func (l *lastLine) end() {
	if l.long || len(bytes.TrimSpace(l.current)) > 0 {
		l.last, l.current = l.current, l.last[:0]
	}
	l.current = l.current[:0]
	l.long = false
}

// line returns the line without surrounding space; nil if there is none or it
// was too long.
func (l *lastLine) line() []byte {
	l.end()
	return bytes.TrimSpace(l.last)
}
