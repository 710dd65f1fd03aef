package devpg_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tagexec/tagexec/store/devpg"
)

// TestMain runs the tests or, started by one of them as `devpg.test child <what> <directory>`, is a child that has a server.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "child" {
		os.Exit(child(os.Args[2], os.Args[3]))
	}
	goleak.VerifyTestMain(m)
}

// childServer is what a child tells about its server.
type childServer struct {
	DataDir string
	URL     string
	Pid     int // of the server
}

// child starts a server, tells about it and then ends the way it was told to, when its standard input ends or at a signal.
func child(what, dir string) int {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	server, err := devpg.Start(ctx, devpg.Options{DataDir: dir, Fast: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	pid, err := readPid(server.DataDir())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := json.NewEncoder(os.Stdout).Encode(childServer{server.DataDir(), server.URL("postgres"), pid}); err != nil {
		return 1
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	<-ctx.Done()
	switch what {
	case "panic":
		panic("as told")
	case "exit":
		return 3
	}
	if err := server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func TestNoServerOutlivesItsProcess(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		child string
		end   func(*exec.Cmd, io.Closer) error
	}{
		{"killed", "stop", func(c *exec.Cmd, _ io.Closer) error { return c.Process.Kill() }},
		{"interrupted, no handler", "stop", func(c *exec.Cmd, _ io.Closer) error { return c.Process.Signal(syscall.SIGINT) }},
		{"interrupted on the terminal", "stop", func(c *exec.Cmd, _ io.Closer) error { return syscall.Kill(-c.Process.Pid, syscall.SIGINT) }},
		{"terminated, with a handler", "stop", func(c *exec.Cmd, _ io.Closer) error { return c.Process.Signal(syscall.SIGTERM) }},
		{"panics", "panic", func(_ *exec.Cmd, in io.Closer) error { return in.Close() }},
		{"exits without Stop", "exit", func(_ *exec.Cmd, in io.Closer) error { return in.Close() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cmd := childCommand(t, os.Args[0], c.child, newDir(t))
			in, server := startChild(t, cmd)
			query(t, server.URL, "CREATE TABLE kept AS SELECT 42 AS n")
			if err := c.end(cmd, in); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // it was ended on purpose
			waitGone(t, server.Pid)

			// And the data is there, at once: the next start waits for a shutdown under way.
			again := start(t, devpg.Options{DataDir: server.DataDir, Fast: true})
			if n := query(t, again.URL("postgres"), "SELECT n::text FROM kept"); n != "42" {
				t.Errorf("kept row = %q, want 42", n)
			}
		})
	}
}

func TestStartWaitsForTheServerOfAKilledProcess(t *testing.T) {
	t.Parallel()
	cmd := childCommand(t, os.Args[0], "stop", newDir(t))
	_, server := startChild(t, cmd)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	start(t, devpg.Options{DataDir: server.DataDir, Fast: true})
}

func TestATerminalInterruptDoesNotReachTheServer(t *testing.T) {
	t.Parallel()
	cmd := childCommand(t, os.Args[0], "stop", newDir(t))
	_, server := startChild(t, cmd)
	group, err := syscall.Getpgid(server.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if group != server.Pid {
		t.Errorf("process group of the server = %d, want its own, %d", group, server.Pid)
	}
}

func TestLeftoversOfAKilledProcessAreRemoved(t *testing.T) {
	t.Parallel()
	cmd := childCommand(t, os.Args[0], "stop", "")
	_, killed := startChild(t, cmd)
	live := start(t, devpg.Options{Fast: true})
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	waitGone(t, killed.Pid)

	stop(t, start(t, devpg.Options{Fast: true}))
	if _, err := os.Stat(killed.DataDir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the killed process's directory is still there: %v", err)
	}
	query(t, live.URL("postgres"), "SELECT 'ok'")
}

func TestAnOrdinaryUserCanStartAServer(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("all other tests are this one")
	}
	// Where nobody can run and write: the test binary is in a directory of our own.
	dir := newDir(t)
	program := filepath.Join(dir, "devpg.test")
	content, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, content, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dataDir := range []string{"", filepath.Join(dir, "tmp", "data")} {
		tmp := filepath.Join(dir, "tmp")
		if err := os.MkdirAll(tmp, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(tmp, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		cmd := childCommand(t, program, "stop", dataDir)
		cmd.Env = []string{"TMPDIR=" + tmp, "PATH=" + os.Getenv("PATH")} // no HOME
		cmd.Dir = "/"
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
		in, server := startChild(t, cmd)
		query(t, server.URL, "SELECT 'ok'")
		if err := in.Close(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		waitGone(t, server.Pid)
	}
}

func childCommand(t *testing.T, program, what, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(program, "child", what, dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// startChild returns once the child has a server. The child's panic and errors are logged.
func startChild(t *testing.T, cmd *exec.Cmd) (io.Closer, childServer) {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // most have ended
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		_ = cmd.Wait()
		t.Fatalf("child: %v\n%s", err, said.String())
	}
	var server childServer
	if err := json.Unmarshal(line, &server); err != nil {
		t.Fatal(err)
	}
	return in, server
}

func serverPid(t *testing.T, dir string) int {
	t.Helper()
	pid, err := readPid(dir)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func readPid(dir string) (int, error) {
	b, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(b), "\n")
	return strconv.Atoi(first)
}

// waitGone waits for the end of a process that is not our child.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for running(pid) {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("process %d is still there", pid)
		}
	}
}

// running reports whether there is such a process; one that only waits to be reaped does not count.
func running(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}
