package runner_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
)

const (
	crampedDir     = "TAGEXEC_RUNNER_TEST_CRAMPED"
	crampedWorkers = 8
	crampedUser    = 61234 // whom nobody else is: the limit counts all processes of a user
)

// crampedExecutor runs commands at once where there is room for one of them, and
// prints what became of each.
func crampedExecutor(dir string) {
	c, err := runner.NewCommand(runner.CommandOptions{Dir: dir, Env: []string{"PATH"}, Workers: crampedWorkers})
	if err != nil {
		panic(err)
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		panic(err)
	}
	most := uint64(len(threads) + 12)
	if err := unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: most, Max: most}); err != nil {
		panic(err)
	}
	var together sync.WaitGroup
	for range crampedWorkers {
		together.Go(func() {
			for range 10 {
				out, err := c.Run(context.Background(), job(`{"command":"run"}`))
				var none *executor.Unavailable
				switch {
				case err == nil:
					fmt.Println("ran")
				case errors.As(err, &none):
					fmt.Println("unavailable")
				default:
					fmt.Println("failed:", err, out.Output)
				}
			}
		})
	}
	together.Wait()
	c.Close()
}

// Where the system gives no more processes, a command is not begun or runs to its
// end, and the executor lives.
func TestALimitOfProcessesFailsNoCommand(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can become a user of whom there is no process yet")
	}
	open, err := os.MkdirTemp("", "open-") // where an ordinary user gets through, unlike t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(open) })
	chmod(t, open, 0o755)
	writeScript(t, open, "run", "exec sleep 0.1")
	tmp := filepath.Join(open, "tmp")
	if err := os.Mkdir(tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(tmp, crampedUser, crampedUser); err != nil {
		t.Fatal(err)
	}
	cramped := exec.Command("/proc/self/exe")
	cramped.Dir, cramped.Env = "/", append(os.Environ(), crampedDir+"="+open, "TMPDIR="+tmp)
	cramped.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: crampedUser, Gid: crampedUser}}
	out, err := cramped.CombinedOutput()
	if err != nil {
		t.Fatalf("the executor ended with %v:\n%s", err, out)
	}
	text := string(out)
	if strings.Count(text, "\n") != 10*crampedWorkers || strings.Contains(text, "failed") || !strings.Contains(text, "unavailable") {
		t.Errorf("got %s", text)
	}
}

// Go ends a program of more than 10,000 threads.
func TestThreadsAreReservedForAnyNumberOfWorkers(t *testing.T) {
	t.Parallel()
	c, err := runner.NewCommand(runner.CommandOptions{Dir: t.TempDir(), Workers: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}
