package runner

import (
	"context"
	"errors"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// obeyLimit is how long a guardian may take for what it was ordered at the
	// end of the grace. Then it is killed, and the command with it.
	obeyLimit = 250 * time.Millisecond
	// outputGrace is how long the output may stay open after the command: only
	// a process that is out of reach can hold it then.
	outputGrace = 500 * time.Millisecond
)

// process is one run of a command: its guardian and what the command prints.
type process struct {
	cmd    *exec.Cmd     // the guardian
	stdin  *string       // nil: an empty input
	grace  time.Duration // between SIGTERM and SIGKILL
	group  int           // the command's; 0 before it was reported
	output Capture       // both streams in the order they arrive
	stdout lastLine
	stderr lastLine
}

// errNoGuardian: it ended before it had begun the command.
var errNoGuardian = errors.New("the process that watches over it could not begin, as where the number of processes is limited (ulimit -u, the pids of a container)")

// ending is how a command ended.
type ending struct {
	status     syscall.WaitStatus
	unknown    bool // its guardian was killed, and the command with it
	signalled  bool // we had it ended
	outputHeld bool // a process that is out of reach kept the output open
}

// guardianAttr starts a guardian in a session of its own, so that what ends the
// executor, or is typed on its terminal, does not end it too. It has the rights
// of its command.
func guardianAttr(user *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Credential: user}
}

// run starts the command and returns when it has ended, what it started is gone
// and its output is read. An error means that it was not started.
//
// The pipes are made here and not by os/exec, which would hold them open.
func (p *process) run(ctx context.Context) (ending, error) {
	if err := ctx.Err(); err != nil {
		return ending{}, err
	}
	var pipes pipes
	defer pipes.close()
	if err := pipes.connect(p); err != nil {
		return ending{}, err
	}
	if err := p.cmd.Start(); err != nil {
		return ending{}, err
	}
	copied, reports := pipes.copy(p), pipes.readReports()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		waitGuardian(p.cmd)
	}()
	end, err := p.follow(ctx, reports, func(order byte) { _, _ = pipes.orders.Write([]byte{order}) })

	limit, cancel := context.WithTimeout(context.Background(), outputGrace)
	defer cancel()
	for _, done := range []<-chan struct{}{copied, gone} {
		select {
		case <-done:
		case <-limit.Done():
		}
	}
	select {
	case <-copied:
	default:
		end.outputHeld = true
	}
	_ = p.cmd.Process.Kill() // it has ended by now, or tries in vain
	pipes.close()
	<-copied
	<-gone
	for range reports { // until their reader has ended
	}
	return end, err
}

// follow reads what the guardian reports until the command has ended. When the
// context ends, the guardian is told to end the command, told again, and then
// killed.
func (p *process) follow(ctx context.Context, reports <-chan report, order func(byte)) (ending, error) {
	var (
		end   ending
		begun bool
		over  = ctx.Done()
		next  <-chan time.Time
		step  int
	)
	for {
		select {
		case r, ok := <-reports:
			switch {
			case !ok && !begun:
				return end, errNoGuardian
			case !ok: // the kernel killed the command with its guardian, perhaps before it was reported
				p.killGroup()
				killSession(p.cmd.Process.Pid)
				end.unknown = true
				return end, nil
			case r.verb == reportBegins:
				begun = true
			case r.verb == reportStarted:
				p.group = r.number
			case r.verb == reportFailed:
				return end, syscall.Errno(r.number)
			case r.verb == reportEnded:
				end.status = syscall.WaitStatus(r.number)
				return end, nil
			}
		case <-over:
			if len(reports) == 0 { // else the command may have ended first
				over, next = nil, time.After(0)
			}
		case <-next:
			end.signalled = true
			switch step++; step {
			case 1:
				order(orderTerminate)
				next = time.After(p.grace)
			case 2:
				order(orderKill)
				next = time.After(obeyLimit)
			case 3:
				p.killGroup()
				_ = p.cmd.Process.Kill() // its reports end with it
			}
		}
	}
}

// killGroup kills what is left of the command's group.
func (p *process) killGroup() {
	if p.group > 0 {
		_ = syscall.Kill(-p.group, syscall.SIGKILL) // none is left: fine too
	}
}

// signalName names the signal that ended a command.
func signalName(status syscall.WaitStatus) string {
	if status.Signal() == syscall.SIGKILL {
		return "SIGKILL (out of memory?)"
	}
	return unix.SignalName(status.Signal())
}
