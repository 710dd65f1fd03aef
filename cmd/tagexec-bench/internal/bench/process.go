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

// Message is a line that a process of a run writes to its standard output.
// The programs of peers write the same.
type Message struct {
	Ready   bool      `json:"ready,omitempty"`    // it waits for the line "go"
	At      int64     `json:"at,omitempty"`       // Unix time in ns
	Stored  int       `json:"stored,omitempty"`   // results stored by then
	Running int       `json:"running,omitempty"`  // jobs in flight
	Waits   []float64 `json:"waits_ms,omitempty"` // from insert to start

	from *process
}

// process is one process of a run. It ends when its standard input does, so that
// none is left whatever ends us.
type process struct {
	cmd      *exec.Cmd
	in       io.WriteCloser
	stderr   bytes.Buffer
	ended    chan struct{}
	err      error // how it ended
	reported bool  // the error was returned
}

// processEnd is how long a process may take to end by itself.
const processEnd = 20 * time.Second

// processes are those of one run.
type processes struct {
	processes []*process
	messages  chan Message     // from all of them; an end is a Message of its process alone
	stored    map[*process]int // by each
}

func newProcesses() *processes {
	return &processes{messages: make(chan Message), stored: map[*process]int{}}
}

// start starts a process, hands it its options and waits until it is ready.
func (ps *processes) start(ctx context.Context, cmd *exec.Cmd, options any) (*process, error) {
	line, err := json.Marshal(options)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C on the terminal is for us alone
	cmd.Stderr = &p.stderr
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
	ps.processes = append(ps.processes, p)
	go func() {
		defer close(p.ended)
		lines := json.NewDecoder(out)
		for {
			m := Message{from: p}
			if lines.Decode(&m) != nil {
				break
			}
			ps.messages <- m
		}
		_, _ = io.Copy(io.Discard, out) // what is no message is an error, which its end reports
		p.err = cmd.Wait()
		ps.messages <- Message{from: p}
	}()
	p.send(string(line))
	_, err = ps.await(ctx, func(m Message) bool { return m.Ready })
	return p, err
}

// send sends a line. It fails only if the process has ended, which its last
// message reports.
func (p *process) send(line string) { _, _ = io.WriteString(p.in, line+"\n") }

// failure is err with the end of what the process wrote to standard error.
func (p *process) failure(err error) error {
	p.reported = true
	if err == nil {
		err = errors.New("without an error")
	}
	if output := strings.TrimSpace(p.stderr.String()); output != "" {
		err = fmt.Errorf("%w: %s", err, output[max(0, len(output)-500):])
	}
	return fmt.Errorf("a process of the run ended early: %w", err)
}

// silence is how long a run may go on without a message.
const silence = 3 * time.Minute

var errSilent = errors.New("the processes of the run sent no message for " + silence.String())

// await reads messages until one is as wanted.
func (ps *processes) await(ctx context.Context, wanted func(Message) bool) (Message, error) {
	limit := time.NewTimer(silence)
	defer limit.Stop()
	for {
		select {
		case <-ctx.Done():
			return Message{}, context.Cause(ctx)
		case <-limit.C:
			return Message{}, errSilent
		case m := <-ps.messages:
			if m.isEnd() {
				return m, m.from.failure(m.from.err)
			}
			ps.note(m)
			if wanted(m) {
				return m, nil
			}
			limit.Reset(silence)
		}
	}
}

func (ps *processes) note(m Message) { ps.stored[m.from] = max(ps.stored[m.from], m.Stored) }

// sum is what all processes have stored, by their messages so far.
func (ps *processes) sum() (all int) {
	for _, n := range ps.stored {
		all += n
	}
	return all
}

func (m Message) isEnd() bool {
	return !m.Ready && m.At == 0 && m.Running == 0 && m.Waits == nil
}

// begin has all processes begin. It returns when, by the wall clock, as the
// messages do.
func (ps *processes) begin() time.Time {
	now := time.Now().Round(0)
	for _, p := range ps.processes {
		p.send("go")
	}
	return now
}

// end has all processes end, and waits for it. If ctx ends before, they are
// killed.
func (ps *processes) end(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, processEnd)
	defer cancel()
	for _, p := range ps.processes {
		_ = p.in.Close() // it may have ended
	}
	over := ctx.Done()
	for _, p := range ps.processes {
		for alive := true; alive; {
			select {
			case m := <-ps.messages:
				ps.note(m)
			case <-p.ended:
				alive = false
			case <-over:
				over = nil
				for _, p := range ps.processes {
					_ = p.cmd.Process.Kill() // it may have just ended
				}
			}
		}
		if p.err != nil && !p.reported {
			err = errors.Join(err, p.failure(p.err))
		}
	}
	return err
}

// cpu is what all processes have used; known when they have ended.
func (ps *processes) cpu() (sum time.Duration) {
	for _, p := range ps.processes {
		sum += p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	}
	return sum
}

// peak is the most memory that the processes held, together, in bytes.
func (ps *processes) peak() (sum int64) {
	for _, p := range ps.processes {
		sum += memory(p.cmd.Process.Pid, "VmHWM")
	}
	return sum
}
