package runner

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// processAttr puts a command into a group of its own that dies with us.
func processAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// waitThen waits until the command has ended, calls then, and only then frees
// its process id: while the id is taken, its group can be signalled without
// meeting a stranger who was given the same number.
func waitThen(cmd *exec.Cmd, then func()) {
	for {
		err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			break
		}
	}
	then()
	_ = cmd.Wait() // its error is the state, read from cmd
}

// raiseOOMScore makes the kernel, when memory runs out, end a job before the
// executor. It is best effort: the process may be gone already.
func raiseOOMScore(pid int) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("500"), 0)
}
