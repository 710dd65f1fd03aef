package executor

import (
	"sync"
	"time"
)

// lease is this executor's own view of its lease, by its monotonic clock. It
// counts from before a heartbeat was sent, so it ends earlier here than in the
// database. All methods may be called concurrently.
type lease struct {
	mu      sync.Mutex
	length  time.Duration
	renewed time.Time // when the last heartbeat that succeeded was sent; zero: there is no lease
	contact time.Time // since when heartbeats succeed without a gap; zero: the last one failed
}

// renew notes a heartbeat, sent at that time, that succeeded. A gap as long
// as the lease (the process was frozen) breaks the contact.
func (l *lease) renew(sent time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.contact.IsZero() || gap(l.renewed, sent) >= l.length {
		l.contact = sent
	}
	l.renewed = sent
}

// broken notes a heartbeat that failed.
func (l *lease) broken() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.contact = time.Time{}
}

// lost notes that the lease was taken away.
func (l *lease) lost() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.renewed, l.contact = time.Time{}, time.Time{}
}

// left returns for how long the lease can still be relied on: until a tenth
// before it is over.
func (l *lease) left() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.renewed.IsZero() {
		return 0
	}
	return max(0, time.Until(l.renewed.Add(l.length-l.length/10)))
}

// trusted reports whether the jobs held here are still ours for certain.
func (l *lease) trusted() bool { return l.left() > 0 }

// unbroken returns how long the contact has lasted without a gap.
func (l *lease) unbroken() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.contact.IsZero() || gap(l.renewed, now) >= l.length {
		return 0
	}
	return now.Sub(l.contact)
}

// gap returns the time between two moments by the clock that shows more of it:
// the monotonic clock stands still while the machine sleeps.
func gap(from, to time.Time) time.Duration {
	return max(to.Sub(from), to.Round(0).Sub(from.Round(0)))
}
