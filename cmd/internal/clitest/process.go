package clitest

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Process is a running program.
type Process struct {
	*exec.Cmd
	Out, ErrOut Buffer
	t           testing.TB
}

// Buffer may be read while the process writes.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *Buffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *Buffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// New returns a process that is yet to be started.
func New(t testing.TB, program string, args ...string) *Process {
	p := &Process{Cmd: exec.Command(program, args...), t: t}
	p.Stdout, p.Stderr = &p.Out, &p.ErrOut
	return p
}

// Launch starts the program with env on top of the test's environment. If the
// test ends before it, it is killed.
func Launch(t testing.TB, program string, args []string, env ...string) *Process {
	t.Helper()
	p := New(t, program, args...)
	p.Env = append(os.Environ(), env...)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.ProcessState == nil {
			_ = p.Process.Kill()
			_ = p.Wait()
		}
		if t.Failed() {
			t.Logf("%s %s\nstdout: %s\nstderr: %s", program, strings.Join(args, " "), p.Out.String(), p.ErrOut.String())
		}
	})
	return p
}

// Signal sends a signal.
func (p *Process) Signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// Exit waits for the end and returns the exit code.
func (p *Process) Exit() int {
	p.t.Helper()
	err := p.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return p.ProcessState.ExitCode()
}

// Eventually waits until condition holds, as long as a loaded machine needs.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		if <-tick.C; time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
