//go:build unix && !linux

package runner

import (
	"os/exec"
	"syscall"
)

// processAttr puts a command into a group of its own. Where there is no
// parent-death signal it outlives an executor that is killed.
func processAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// waitThen waits until the command has ended and calls then. The process id is
// free by then: a group that is empty could, in theory, be a stranger's.
func waitThen(cmd *exec.Cmd, then func()) {
	_ = cmd.Wait() // its error is the state, read from cmd
	then()
}

func raiseOOMScore(int) {}
