package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Orders are the first line that a process of a side reads.
type Orders struct {
	Role     string        `json:"role"`
	Database string        `json:"database"`
	Workers  int           `json:"workers"`
	Jobs     int           `json:"jobs"`      // how many there are, or are to be inserted
	Clients  int           `json:"clients"`   // insert: sessions that insert one row at a time; 0: one statement for all rows
	Poll     time.Duration `json:"poll"`      // between claims that find nothing; 0: the default
	PollOnly bool          `json:"poll_only"` // no wake-up by LISTEN
}

// Roles of processes.
const (
	roleEngine  = "engine"  // an executor
	roleHold    = "hold"    // an executor whose jobs do not end
	roleFloor   = "floor"   // its statements without it
	roleInsert  = "insert"  // producers
	roleLatency = "latency" // an executor, and a producer that is timed
	roleLeast   = "least"   // the least that could start a job, and the same producer
)

// role does the work of a process, ready to begin at once. It returns when the
// work is done or its context ends.
type role func(ctx context.Context) error

// Work is a process of a side: it reads its orders from in, says when it is
// ready, begins at the next line and ends when in does.
func Work(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines := bufio.NewReader(in)
	first, err := lines.ReadBytes('\n')
	if err != nil {
		return errors.New("no orders on standard input: this command is for `tagexec bench` itself")
	}
	w := &worker{say: json.NewEncoder(out)}
	if err := json.Unmarshal(first, &w.Orders); err != nil {
		return fmt.Errorf("read the orders: %w", err)
	}
	do, done, err := w.prepare(ctx)
	if err != nil {
		return err
	}
	defer done()
	w.tell(Message{Ready: true})
	if _, err := lines.ReadBytes('\n'); err != nil {
		return nil // called off
	}
	go func() { // ends with the process at the latest
		_, _ = io.Copy(io.Discard, lines)
		cancel()
	}()
	if err := do(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	<-ctx.Done() // we are looked at until we are told to end
	return nil
}

type worker struct {
	Orders
	mu    sync.Mutex // guards what follows
	say   *json.Encoder
	count int
}

// prepare returns what to do, and what to do after it.
func (w *worker) prepare(ctx context.Context) (do role, done func(), err error) {
	switch w.Role {
	case roleEngine, roleHold:
		return w.engine()
	case roleFloor:
		return w.floor()
	case roleLatency, roleLeast:
		return w.latency(ctx)
	case roleInsert:
		return w.insert(ctx)
	}
	return nil, nil, fmt.Errorf("unknown role %q", w.Role)
}

func (w *worker) tell(m Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.say.Encode(m) // nobody there: our input ends too
}

// stored tells of n more results that have just been stored.
func (w *worker) stored(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count += n
	_ = w.say.Encode(Message{At: time.Now().UnixNano(), Stored: w.count})
}
