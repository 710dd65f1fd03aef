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

// WorkerOptions are the first line that a process of a run reads.
type WorkerOptions struct {
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

// Work is a process of a run. It reads its WorkerOptions from in, writes to out
// when it is ready, begins at the next line and ends when in does.
func Work(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines := bufio.NewReader(in)
	first, err := lines.ReadBytes('\n')
	if err != nil {
		return errors.New("no options on standard input: this command is for `tagexec-bench` itself")
	}
	w := &worker{out: json.NewEncoder(out)}
	if err := json.Unmarshal(first, &w.WorkerOptions); err != nil {
		return fmt.Errorf("read the options: %w", err)
	}
	do, done, err := w.prepare(ctx)
	if err != nil {
		return err
	}
	defer done()
	w.send(Message{Ready: true})
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
	<-ctx.Done() // we are measured until in ends
	return nil
}

type worker struct {
	WorkerOptions
	mu    sync.Mutex // guards what follows
	out   *json.Encoder
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

func (w *worker) send(m Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.out.Encode(m) // nobody there: our input ends too
}

// stored reports n more results that have just been stored.
func (w *worker) stored(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count += n
	_ = w.out.Encode(Message{At: time.Now().UnixNano(), Stored: w.count})
}
