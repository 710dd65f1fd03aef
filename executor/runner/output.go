package runner

import (
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/tagexec/tagexec/executor/runner/words"
)

// headSize and tailSize are what a Capture keeps of the beginning and of the
// end of an output, in bytes.
const (
	headSize = 32 << 10
	tailSize = 32 << 10
)

// Capture keeps the head and the tail of what is written to it, 32 kB each,
// and counts the rest. Its memory does not grow beyond that. The zero value is
// ready; it may be written to and read from many goroutines at once, and each
// Write stays in one piece.
type Capture struct {
	mu    sync.Mutex
	head  []byte
	tail  []byte // a ring once it is full
	next  int    // where in a full ring the oldest byte is
	total int64
}

// Write takes all of p. It never fails.
func (c *Capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(p)
	c.total += int64(n)
	room := min(headSize-len(c.head), len(p))
	c.head = append(c.head, p[:room]...)
	c.keepTail(p[room:])
	return n, nil
}

func (c *Capture) keepTail(p []byte) {
	p = p[max(0, len(p)-tailSize):]
	room := min(tailSize-len(c.tail), len(p))
	c.tail = append(c.tail, p[:room]...)
	p = p[room:]
	for len(p) > 0 {
		n := copy(c.tail[c.next:], p)
		c.next = (c.next + n) % tailSize
		p = p[n:]
	}
}

// Len returns how many bytes were written in all.
func (c *Capture) Len() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total
}

// String returns what was written, byte for byte. When it was more than is
// kept, a line between head and tail says how many bytes are left out; neither
// part then ends or begins inside a word, of which nobody could tell whether it
// was a password, or inside a UTF-8 sequence if the word is very long.
func (c *Capture) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	head := string(c.head)
	tail := string(c.tail[c.next:]) + string(c.tail[:c.next])
	if c.total == int64(len(head)+len(tail)) {
		return head + tail
	}
	head = head[:wordEnd(head)]
	tail = tail[wordStart(tail):]
	left := c.total - int64(len(head)+len(tail))
	return head + "\n… " + words.Thousands(left) + " bytes left out …\n" + tail
}

// From returns what was written from offset on, as executor.Output says, up to the end
// of a word. Of what is not kept any more a line says how long it is.
func (c *Capture) From(offset int64) (text []byte, next int64) {
	return c.redactedFrom(offset, &redactor{})
}

// redactedFrom is From without secrets.
func (c *Capture) redactedFrom(offset int64, r *redactor) (text []byte, next int64) {
	before, left, after, next := c.since(offset)
	if left > 0 {
		text = append(r.cutText(before), "\n… "+words.Thousands(left)+" bytes left out …\n"...)
	}
	settled := r.settled(after[:wordEnd(string(after))])
	return append(text, r.bytes(after[:settled])...), next - int64(len(after)-settled)
}

// since returns what was written from offset on up to next. Where some of that is not
// kept any more, it is the end of the head and the tail, cut as by String.
func (c *Capture) since(offset int64) (before []byte, left int64, after []byte, next int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	tail := slices.Concat(c.tail[c.next:], c.tail[:c.next])
	begin := c.total - int64(len(tail)) // of the tail
	switch head := int64(len(c.head)); {
	case offset >= begin:
		return nil, 0, tail[min(offset, c.total)-begin:], c.total
	case head == begin:
		return nil, 0, slices.Concat(c.head[offset:], tail), c.total
	}
	if end := int64(wordEnd(string(c.head))); offset < end {
		before, offset = c.head[offset:end:end], end
	}
	after = tail[wordStart(string(tail)):]
	return before, c.total - int64(len(after)) - offset, after, c.total
}

const (
	blanks  = " \t\r\n"
	maxWord = 1 << 10 // bytes that are left out for the sake of a word
)

// wordEnd returns the length of s without the word at its end that was cut.
func wordEnd(s string) int {
	if i := strings.LastIndexAny(s, blanks); i >= len(s)-maxWord {
		return i + 1
	}
	return words.RuneStart(s, len(s))
}

// wordStart returns the length of the word at the start of s that was cut.
func wordStart(s string) int {
	if i := strings.IndexAny(s, blanks); i >= 0 && i <= maxWord {
		return i
	}
	return firstRune(s)
}

// firstRune returns how many leading bytes of s belong to a rune that began
// before it.
func firstRune(s string) int {
	for i := 0; i < len(s) && i < utf8.UTFMax; i++ {
		if utf8.RuneStart(s[i]) {
			return i
		}
	}
	return 0
}
