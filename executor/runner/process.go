package runner

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// outputGrace is how long the output may stay open after the command and its
// group are gone: only a process in another session can hold it then.
const outputGrace = 500 * time.Millisecond

// process is one run of a command: what it is started with and what it prints.
type process struct {
	cmd    *exec.Cmd
	stdin  *string       // nil: an empty input
	grace  time.Duration // between SIGTERM and SIGKILL
	guard  *guardian
	output Capture // both streams in the order they arrive
	stdout lastLine
	stderr lastLine
}

// ending is how a process ended.
type ending struct {
	state      *os.ProcessState
	signalled  bool // we sent SIGTERM before it ended
	outputHeld bool // a process outside the group kept the output open
}

// run starts the command and returns when it has ended, its group is gone and
// its output is read. An error means that it was not started.
//
// The pipes are made here and not by os/exec, which would wait for their end
// before it lets us kill what is left of the group and holds them open.
func (p *process) run(ctx context.Context) (ending, error) {
	if err := ctx.Err(); err != nil {
		return ending{}, err
	}
	var pipes pipes
	defer pipes.close()
	if err := pipes.connect(p); err != nil {
		return ending{}, err
	}
	// The kernel's parent-death signal fires when the *thread* that started
	// the child ends (golang/go#27505): keep it until the child is gone.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p.cmd.SysProcAttr = processAttr()
	if err := p.cmd.Start(); err != nil {
		return ending{}, err
	}
	p.guard.begin(p.cmd.Process.Pid)
	raiseOOMScore(p.cmd.Process.Pid)
	copied := pipes.copy(p)
	end := p.wait(ctx)

	timer := time.NewTimer(outputGrace)
	defer timer.Stop()
	select {
	case <-copied:
	case <-timer.C:
		end.outputHeld = true
		pipes.close()
		<-copied
	}
	return end, nil
}

// wait waits for the command, ends its group when the context ends, and leaves
// no process of the group.
func (p *process) wait(ctx context.Context) ending {
	var end ending
	exited := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		end.signalled = p.endWith(ctx, exited)
	}()
	waitThen(p.cmd, func() {
		close(exited)
		<-watched
		p.signalGroup(syscall.SIGKILL)
		p.guard.end(p.cmd.Process.Pid)
	})
	end.state = p.cmd.ProcessState
	return end
}

// endWith ends the group when the context does, unless the command has ended
// by itself. It reports whether it sent a signal.
func (p *process) endWith(ctx context.Context, exited <-chan struct{}) bool {
	select {
	case <-exited:
		return false
	case <-ctx.Done():
	}
	select {
	case <-exited: // first, though both are there
		return false
	default:
	}
	p.signalGroup(syscall.SIGTERM)
	timer := time.NewTimer(p.grace)
	defer timer.Stop()
	select {
	case <-exited:
	case <-timer.C:
		p.signalGroup(syscall.SIGKILL)
	}
	return true
}

// signalGroup signals every process of the command's group. That none is left
// is fine too.
func (p *process) signalGroup(sig syscall.Signal) {
	_ = syscall.Kill(-p.cmd.Process.Pid, sig)
}

// signalName names the signal that ended a process.
func signalName(state *os.ProcessState) string {
	status, ok := state.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return state.String()
	}
	if status.Signal() == syscall.SIGKILL {
		return "SIGKILL (out of memory?)"
	}
	return unix.SignalName(status.Signal())
}
