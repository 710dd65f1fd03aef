package page

import (
	"context"
	"sync"
	"time"

	"github.com/tagexec/tagexec/store/doctor"
)

// checkup is what was found wrong with the queue last. It is made in the background, one
// at a time: it reads all tables, which may take longer than a browser waits.
type checkup struct {
	mu    sync.Mutex
	last  checked
	since time.Time // when the one began that is being made; zero: none is
	ended sync.WaitGroup
	stop  context.CancelFunc
	ctx   context.Context
}

// checked is what a checkup found.
type checked struct {
	At   time.Time // when it ended; zero: there was none
	List []doctor.Diagnosis
	Err  error
}

const (
	// checkupMost is how long one may take.
	checkupMost = 5 * time.Minute
	// oldSnapshot is the age from which on a session that holds back vacuum is a finding,
	// as `tagexec doctor` has it.
	oldSnapshot = 5 * time.Minute
)

func newCheckup() *checkup {
	ctx, stop := context.WithCancel(context.Background())
	return &checkup{ctx: ctx, stop: stop}
}

// begin begins one, unless one is being made.
func (c *checkup) begin(databaseURL string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.since.IsZero() || c.ctx.Err() != nil {
		return
	}
	c.since = time.Now()
	c.ended.Go(func() {
		ctx, cancel := context.WithTimeout(c.ctx, checkupMost)
		defer cancel()
		list, err := doctor.Diagnose(ctx, databaseURL, oldSnapshot)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.last, c.since = checked{time.Now(), list, err}, time.Time{}
	})
}

// now returns what was found last, and since when one is being made.
func (c *checkup) now() (last checked, since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last, c.since
}

// close ends the one that is being made, and waits for that.
func (c *checkup) close() {
	c.mu.Lock()
	c.stop()
	c.mu.Unlock()
	c.ended.Wait()
}
