package cli

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"github.com/tagexec/tagexec/executor/runner/shield"
)

// asInit, where this is process 1 of a container, runs the program as a child
// and returns its exit code. Process 1 is given every orphan and must reap it;
// os/exec reaps its own children. One process cannot do both without taking
// from os/exec what it waits for, so here the parent does the one and the child
// the other.
func asInit() (code int, isInit bool) {
	if os.Getpid() != 1 {
		return 0, false
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, forwarded()...)
	child, err := startSelf()
	if err != nil {
		fmt.Fprintln(os.Stderr, "tagexec: no init, so orphans are not reaped: "+err.Error())
		signal.Stop(signals)
		return 0, false
	}
	shield.Environment()
	shield.Memory()
	go func() {
		for s := range signals {
			_ = syscall.Kill(child, s.(syscall.Signal)) // it has ended: so do we
		}
	}()
	return reapUntil(child), true
}

// forwarded returns the signals that are meant for the program: not those that
// this process causes itself, nor those that it was told to ignore, which the
// child is then told too.
func forwarded() []os.Signal {
	var list []os.Signal
	for s := syscall.SIGHUP; s <= syscall.SIGSYS; s++ {
		if s != syscall.SIGCHLD && s != syscall.SIGURG && !signal.Ignored(s) {
			list = append(list, s)
		}
	}
	return list
}

// startSelf starts this program once more. It gets a process group of its own,
// on a terminal the one in the foreground: Ctrl-C reaches it once, not through
// us as well.
func startSelf() (pid int, err error) {
	attr := &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{0, 1, 2},
		Sys: &syscall.SysProcAttr{Setpgid: true, Foreground: term.IsTerminal(0)},
	}
	pid, err = syscall.ForkExec("/proc/self/exe", os.Args, attr)
	if err != nil && attr.Sys.Foreground { // a terminal that does not control us
		attr.Sys.Foreground = false
		pid, err = syscall.ForkExec("/proc/self/exe", os.Args, attr)
	}
	return pid, err
}

// reapUntil reaps all children until one has ended, and returns that one's exit
// code. If that one is stopped, by a command or by Ctrl-Z, it is continued:
// nobody else in a container would do it.
func reapUntil(child int) int {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WUNTRACED, nil)
		switch {
		case err != nil && err != syscall.EINTR:
			return ExitUsage // cannot be: the program is a child
		case status.Stopped():
			if pid == child {
				_ = syscall.Kill(child, syscall.SIGCONT)
			}
		case pid == child && status.Signaled():
			return exitSignal + int(status.Signal())
		case pid == child:
			return status.ExitStatus()
		}
	}
}
