package chaos

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tagexec/tagexec/cmd/internal/wait"
)

const clockStep = "clock step"

// Clock moves the server's clock.
type Clock interface {
	Set(offset time.Duration) error
}

// serverClock is what was done to the server's clock. The server and we are on one
// machine, so its time is ours and the offset. Times that it wrote are compared
// only as far as no step lies between them.
type serverClock struct {
	mu       sync.Mutex
	offset   time.Duration
	moving   bool      // a step is under way
	steady   time.Time // the server's: since when it has run as ours does
	setBacks []setBack
}

// setBack is an excursion of the server's clock that ended with a step back: what
// it wrote up to from may have come before what it wrote since to, which is less.
type setBack struct {
	from, to time.Time
}

// stepClock sets the server's clock forward by more than a lease, by hours, and
// back, in one or two steps. It is right again when this returns.
func (b *testbed) stepClock(ctx context.Context, random *rand.Rand) {
	steps := []time.Duration{between(random, 3*lease/2, 6*lease), between(random, time.Hour, 9*time.Hour)}
	random.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
	seen := false
	for _, offset := range append(steps, 0) {
		offset = offset.Truncate(time.Second) // as a Clock does
		if err := b.clock.set(b.Clock, offset); err != nil {
			b.findings.add("testbed", "%v", err)
		}
		if offset != 0 {
			seen = b.seeClock(ctx, offset) || seen
			wait.For(ctx, between(random, lease, 2*lease))
		}
	}
	if seen {
		b.faults.add(clockStep)
	}
}

// seeClock reports whether the server says that its clock is so far ahead: a fault
// that did nothing would prove nothing. A server that is away says nothing.
func (b *testbed) seeClock(ctx context.Context, offset time.Duration) bool {
	var now time.Time
	before := time.Now()
	if err := b.db.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&now); err != nil {
		return false
	}
	now = now.Add(-offset)
	right := !now.Before(before.Add(-time.Second)) && !now.After(time.Now().Add(time.Second))
	if !right {
		b.findings.add("testbed", "the server's clock was set %s ahead of ours, and is not", offset)
	}
	return right
}

// set sets the clock, and notes what follows for the times that it writes.
func (c *serverClock) set(clock Clock, offset time.Duration) error {
	c.mu.Lock()
	before := c.offset
	c.moving = true
	c.mu.Unlock()
	least := time.Now().Add(offset)
	err := clock.Set(offset)
	c.mu.Lock()
	defer c.mu.Unlock()
	if before == 0 && offset > 0 {
		c.setBacks = append(c.setBacks, setBack{})
	}
	if offset < before {
		b := &c.setBacks[len(c.setBacks)-1]
		if from := time.Now().Add(before); from.After(b.from) {
			b.from = from
		}
		b.to = least // later steps back go further
	}
	c.offset, c.moving, c.steady = offset, false, time.Now().Add(offset)
	return err
}

// since returns the server's time since when its clock has run as ours does: a time
// that never comes while it is being set.
func (c *serverClock) since() pgtype.Timestamptz {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.moving {
		return pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}
	}
	if c.steady.IsZero() {
		return pgtype.Timestamptz{InfinityModifier: pgtype.NegativeInfinity, Valid: true}
	}
	return pgtype.Timestamptz{Time: c.steady, Valid: true}
}

// ran reports whether the clock has not been set since then.
func (c *serverClock) ran(since pgtype.Timestamptz) bool {
	return since.InfinityModifier != pgtype.Infinity && since == c.since()
}

// excursions returns when the clock was set back, as two arrays.
func (c *serverClock) excursions() (from, to []time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.setBacks {
		if !b.to.IsZero() {
			from, to = append(from, b.from), append(to, b.to)
		}
	}
	return from, to
}
