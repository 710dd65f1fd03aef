package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Message is a line that a process of a side says on its standard output. River's
// program says the same.
type Message struct {
	Ready   bool      `json:"ready,omitempty"`    // it waits for "go"
	At      int64     `json:"at,omitempty"`       // Unix time in ns
	Stored  int       `json:"stored,omitempty"`   // results stored by then
	Running int       `json:"running,omitempty"`  // jobs in flight
	Waits   []float64 `json:"waits_ms,omitempty"` // from insert to start

	from *process
}

// process is a process of a side. It ends when its standard input does, so that
// none is left whatever ends us.
type process struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	said  bytes.Buffer // on standard error
	ended chan struct{}
	err   error // how it ended
	told  bool  // the error was returned
}

// processEnd is how long a process may take to end by itself.
const processEnd = 20 * time.Second

// team are the processes of one run.
type team struct {
	processes []*process
	messages  chan Message     // from all of them; an end is a Message of its process alone
	stored    map[*process]int // by each
}

func newTeam() *team { return &team{messages: make(chan Message), stored: map[*process]int{}} }

// start starts a process, hands it its orders and waits until it is ready.
func (t *team) start(ctx context.Context, cmd *exec.Cmd, orders any) (*process, error) {
	line, err := json.Marshal(orders)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C on the terminal is for us alone
	cmd.Stderr = &p.said
	if p.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a process: %w", err)
	}
	t.processes = append(t.processes, p)
	go func() {
		defer close(p.ended)
		lines := json.NewDecoder(out)
		for {
			m := Message{from: p}
			if lines.Decode(&m) != nil {
				break
			}
			t.messages <- m
		}
		_, _ = io.Copy(io.Discard, out) // of what is no message, its end tells
		p.err = cmd.Wait()
		t.messages <- Message{from: p}
	}()
	p.say(string(line))
	_, err = t.await(ctx, func(m Message) bool { return m.Ready })
	return p, err
}

// say sends a line. A process that does not listen any more has ended, of which
// its last message tells.
func (p *process) say(line string) { _, _ = io.WriteString(p.in, line+"\n") }

// failure is err with what the process said before it ended.
func (p *process) failure(err error) error {
	p.told = true
	if err == nil {
		err = errors.New("without an error")
	}
	if said := strings.TrimSpace(p.said.String()); said != "" {
		err = fmt.Errorf("%w: %s", err, said[max(0, len(said)-500):])
	}
	return fmt.Errorf("a process of the run ended early: %w", err)
}

// silence is how long a run may go on without a message.
const silence = 3 * time.Minute

var errSilent = errors.New("nothing was heard of the run for " + silence.String())

// await reads messages until one is as wanted.
func (t *team) await(ctx context.Context, wanted func(Message) bool) (Message, error) {
	limit := time.NewTimer(silence)
	defer limit.Stop()
	for {
		select {
		case <-ctx.Done():
			return Message{}, context.Cause(ctx)
		case <-limit.C:
			return Message{}, errSilent
		case m := <-t.messages:
			if m.isEnd() {
				return m, m.from.failure(m.from.err)
			}
			t.note(m)
			if wanted(m) {
				return m, nil
			}
			limit.Reset(silence)
		}
	}
}

func (t *team) note(m Message) { t.stored[m.from] = max(t.stored[m.from], m.Stored) }

// sum is what all processes have stored, as far as they were heard.
func (t *team) sum() (all int) {
	for _, n := range t.stored {
		all += n
	}
	return all
}

func (m Message) isEnd() bool {
	return !m.Ready && m.At == 0 && m.Running == 0 && m.Waits == nil
}

// begin gives the word to all, and returns when, by the clock of the wall: that
// of the messages.
func (t *team) begin() time.Time {
	now := time.Now().Round(0)
	for _, p := range t.processes {
		p.say("go")
	}
	return now
}

// end has all processes end, and waits for it. If ctx ends before, they are
// killed.
func (t *team) end(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, processEnd)
	defer cancel()
	for _, p := range t.processes {
		_ = p.in.Close() // it may have ended
	}
	over := ctx.Done()
	for _, p := range t.processes {
		for alive := true; alive; {
			select {
			case m := <-t.messages:
				t.note(m)
			case <-p.ended:
				alive = false
			case <-over:
				over = nil
				for _, p := range t.processes {
					_ = p.cmd.Process.Kill() // it may have just ended
				}
			}
		}
		if p.err != nil && !p.told {
			err = errors.Join(err, p.failure(p.err))
		}
	}
	return err
}

// cpu is what all processes have used; known when they have ended.
func (t *team) cpu() (sum time.Duration) {
	for _, p := range t.processes {
		sum += p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	}
	return sum
}

// peak is the most memory that the processes held, together, in bytes.
func (t *team) peak() (sum int64) {
	for _, p := range t.processes {
		sum += memory(p.cmd.Process.Pid, "VmHWM")
	}
	return sum
}
