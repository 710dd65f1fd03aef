package store

import (
	"sync"
	"time"

	"github.com/google/uuid"
)

// watch is what this process has seen of other executors, by its own monotonic
// clock. The server's clock may be set at any time, so the times it wrote are
// told apart and compared with nothing. A new process has seen nothing yet.
type watch struct {
	mu    sync.Mutex
	seen  map[uuid.UUID]sight
	clock serverClock
}

// look is one answer of the database.
type look struct {
	signs          []sign
	late           bool      // jobs may be overdue
	wasAhead       bool      // the server's clock was, before the first look
	clock          time.Time // the server's
	sent, received time.Time // ours, around that
}

// sign is what an executor has left in the database.
type sign struct {
	executor uuid.UUID
	last     string  // the time of its heartbeat or, if it has ended, of its oldest claim
	lease    float64 // in seconds
	ended    bool    // it is stopped, reaped or unknown, and jobs run under its name
}

// sight is a sign, and when it was seen first by our clock.
type sight struct {
	last  string
	since time.Time
}

// silent notes a look and returns the executors that have given no other sign
// for their lease. contact is how long the caller has been in unbroken contact:
// a sign was possible for as long.
func (w *watch) silent(l look, contact time.Duration) (list []sign) {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := make(map[uuid.UUID]sight, len(l.signs))
	for _, s := range l.signs {
		last, known := w.seen[s.executor]
		if !known || last.last != s.last {
			last = sight{s.last, l.received}
		}
		seen[s.executor] = last
		if s.lease <= min(l.sent.Sub(last.since), contact).Seconds() {
			list = append(list, s)
		}
	}
	w.seen = seen
	return list
}

// first reports whether nothing was seen of the server's clock yet.
func (w *watch) first() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock.steady.IsZero()
}

// steady notes a look and returns the server's time since when its clock has
// run as ours does, and whether it was set back before; see movedBack.
func (w *watch) steady(l look) (since time.Time, setBack bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock.note(l)
	return w.clock.steady, w.clock.setBack
}

// movedBack notes that what followed from a set-back was mended.
func (w *watch) movedBack() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock.setBack = false
}

// steps returns the server's time at the last look, and when its clock was seen
// last to have been set; nil where there was none.
func (w *watch) steps() (clock, stepped *time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.clock.last.clock.IsZero() {
		clock = new(w.clock.last.clock)
	}
	if !w.clock.stepped.IsZero() {
		stepped = new(w.clock.stepped)
	}
	return clock, stepped
}

// serverClock follows the server's clock with ours, to notice when it is set.
type serverClock struct {
	steady  time.Time // the server's: since when it has run as ours does
	stepped time.Time // the same, if a step was seen; else zero
	setBack bool      // it was, and nothing has followed from that yet
	last    look
}

// stepSize is by how much a clock that was set jumps at least. What keeps a
// clock right without setting it moves it by far less between two looks.
const stepSize = time.Second

// note compares a look with the one before. A machine that slept, so that our
// clock stood still, looks like a server whose clock was set forward.
func (c *serverClock) note(l look) {
	passed := l.clock.Sub(c.last.clock)
	least, most := l.sent.Sub(c.last.received), l.received.Sub(c.last.sent)
	switch {
	case c.steady.IsZero():
		c.steady, c.setBack = l.clock, l.wasAhead
	case passed > most+stepSize:
		c.steady, c.stepped = l.clock, l.clock
	case passed < least-stepSize:
		c.steady, c.stepped, c.setBack = l.clock, l.clock, true
	}
	c.last = l
}
