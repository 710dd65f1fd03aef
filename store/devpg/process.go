package devpg

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

const (
	stopWait = 10 * time.Second // for each signal of stop, before a harder one
	pipeWait = 5 * time.Second  // for output of whatever outlives the process itself
)

// process is a child that does not outlive us.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
}

// startProcess starts cmd in a process group of its own, so that Ctrl-C on the terminal is for us alone.
func startProcess(cmd *exec.Cmd) (*process, error) {
	cmd.SysProcAttr.Setpgid = true
	cmd.WaitDelay = pipeWait
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		defer close(p.done)
		runTied(cmd, started)
	}()
	if err := <-started; err != nil {
		<-p.done
		return nil, err
	}
	return p, nil
}

// wait returns when the process has ended. If ctx ends before, the process and its children are killed.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-p.done:
	case <-ctx.Done():
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // fails only if it has just ended
		<-p.done
		return context.Cause(ctx)
	}
	if !p.cmd.ProcessState.Success() {
		return errors.New(p.cmd.ProcessState.String())
	}
	return nil
}

// stop asks with sig, then with SIGQUIT, then kills, and returns when the process has ended.
func (p *process) stop(sig syscall.Signal) (err error) {
	for _, sig := range []syscall.Signal{sig, syscall.SIGQUIT, syscall.SIGKILL} {
		if sig == syscall.SIGKILL {
			err = fmt.Errorf("the server had to be killed: it did not end within %v", 2*stopWait)
		}
		_ = p.cmd.Process.Signal(sig) // fails only if it has ended
		select {
		case <-p.done:
			return err
		case <-time.After(stopWait):
		}
	}
	return err
}
