package cli

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// outletRoom is how many bytes may wait for a reader.
	outletRoom = 1 << 20
	// lastMoment is how long a program that is to end waits for a reader.
	lastMoment = time.Second
)

// outlet writes what goes to stdout and stderr, in that order, from a goroutine of
// its own: a reader that keeps its pipe open and reads nothing, or a terminal that
// was stopped, holds up no job and no end of the program. What finds no room waits
// for it if it is a result, and else is left out.
type outlet struct {
	ending context.Context // over once the program is to end
	end    context.CancelFunc

	mu      sync.Mutex
	changed sync.Cond
	waiting []piece
	size    int // bytes of waiting
	busy    bool
	omitted int // bytes that found no room since the last that did
}

// piece is one write.
type piece struct {
	to   *output
	text []byte
}

func newOutlet() *outlet {
	o := &outlet{}
	o.ending, o.end = context.WithCancel(context.Background())
	o.changed.L = &o.mu
	return o
}

// put takes a text for an output. It keeps the text.
func (o *outlet) put(to *output, text []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	fits := func() bool { return o.size == 0 || o.size+len(text) <= outletRoom }
	if !fits() && (!to.result || !o.await(fits)) {
		o.omitted += len(text)
		to.unread = true
		return
	}
	if o.omitted > 0 && !to.result {
		text = append(fmt.Appendf(nil, "… %d bytes are left out here: nobody read them …\n", o.omitted), text...)
		o.omitted = 0
	}
	o.waiting, o.size = append(o.waiting, piece{to, text}), o.size+len(text)
	if !o.busy {
		o.busy = true
		go o.write()
	}
}

// write writes until nothing waits.
func (o *outlet) write() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.waiting) > 0 {
		next := o.waiting[0]
		o.waiting = o.waiting[1:]
		o.mu.Unlock()
		_, err := next.to.raw.Write(next.text)
		o.mu.Lock()
		o.size -= len(next.text)
		if next.to.failed == nil {
			next.to.failed = err
		}
		o.changed.Broadcast()
	}
	o.busy = false
	o.changed.Broadcast()
}

// flush waits until all is written. It reports whether it is.
func (o *outlet) flush() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.await(func() bool { return !o.busy })
}

// await waits until done, and once the program is to end no longer than a moment.
// o.mu is held. It reports whether it is done.
func (o *outlet) await(done func() bool) bool {
	over := false
	stop := context.AfterFunc(o.ending, func() {
		time.Sleep(lastMoment)
		o.mu.Lock()
		defer o.mu.Unlock()
		over = true
		o.changed.Broadcast()
	})
	defer stop()
	for !done() && !over {
		o.changed.Wait()
	}
	return done()
}

// outletKey is where a context keeps the outlet of its program.
type outletKey struct{}

// EndAt is when a program is to end: from then on it does not wait for who reads
// what it prints.
func EndAt(ctx context.Context, at time.Time) {
	if o, ok := ctx.Value(outletKey{}).(*outlet); ok {
		time.AfterFunc(time.Until(at), o.end)
	}
}
