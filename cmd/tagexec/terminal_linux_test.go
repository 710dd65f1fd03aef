package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/store/storetest"
)

// terminal returns both ends of a new terminal: a person's and a program's.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { person.Close() })
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return person, program
}

// session is the program on a terminal of its own.
type session struct {
	*exec.Cmd
	keyboard *os.File
	screen   clitest.Buffer
	read     chan struct{} // closed when the program has left the terminal, and all is read
}

// atTerminal starts the program with all three streams on a terminal.
func atTerminal(t *testing.T, db *storetest.DB, args ...string) *session {
	t.Helper()
	person, program := terminal(t)
	s := &session{Cmd: exec.Command("tagexec", args...), keyboard: person, read: make(chan struct{})}
	s.Env = append(os.Environ(), "TAGEXEC_DATABASE_URL="+db.URL, "TAGEXEC_SQL_SOURCES=db="+db.URL, "TAGEXEC_POLL_INTERVAL=20ms")
	s.Stdin, s.Stdout, s.Stderr = program, program, program
	s.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	program.Close()
	go func() {
		defer close(s.read)
		for buffer := make([]byte, 4096); ; {
			n, err := person.Read(buffer)
			if err != nil {
				return
			}
			_, _ = s.screen.Write(buffer[:n])
		}
	}()
	return s
}

// exit waits for the end and returns the exit code.
func (s *session) exit() int {
	_ = s.Wait()
	<-s.read
	return s.ProcessState.ExitCode()
}

func TestCtrlCEndsTheWaitForJobsTypedAtATerminal(t *testing.T) {
	t.Parallel()
	s := atTerminal(t, storetest.New(t), "run", "--batch", "b", "--jobs", "-")
	clitest.Eventually(t, "it to ask for jobs", func() bool { return strings.Contains(s.screen.String(), "Ctrl-D ends them") })
	if _, err := s.keyboard.WriteString("{\"tag\":\"a\"}\n\x03"); err != nil {
		t.Fatal(err)
	}
	if code := s.exit(); code != 130 {
		t.Errorf("exit code %d, want 130; on the screen: %s", code, s.screen.String())
	}
}

func TestJobsTypedAtATerminalRun(t *testing.T) {
	t.Parallel()
	s := atTerminal(t, storetest.New(t), "run", "--batch", "b", "--jobs", "-")
	clitest.Eventually(t, "it to ask for jobs", func() bool { return strings.Contains(s.screen.String(), "Ctrl-D ends them") })
	if _, err := s.keyboard.WriteString(`{"tag":"a","payload":{"statement":"SELECT 1"}}` + "\n\x04"); err != nil {
		t.Fatal(err)
	}
	if code := s.exit(); code != 0 {
		t.Errorf("exit code %d, want 0; on the screen: %s", code, s.screen.String())
	}
}

// The bar draws with what a terminal obeys; what jobs bring does not reach it.
func TestATerminalObeysNoText(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Insert(storetest.Row{"batch": "b", "tag": "\x1b]0;title\x07", "max_attempts": 1, "payload": `{"statement": "SELECT 'x\u001b[31m'::int"}`})
	s := atTerminal(t, db, "run", "--batch", "b")
	if code := s.exit(); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if screen := s.screen.String(); strings.Contains(screen, "\x1b]0;") || strings.Contains(screen, "\x1b[31m") || !strings.Contains(screen, `failed \u001b]0;title\u0007`) {
		t.Errorf("on the screen: %q", screen)
	}
}
