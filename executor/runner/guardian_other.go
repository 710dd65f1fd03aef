//go:build unix && !linux

package runner

import (
	"os"
	"os/exec"
	"syscall"
)

func selfPath() (string, error) { return os.Executable() }

// becomeGuardian cannot adopt a command's orphans here: what left the
// command's group is out of reach.
func becomeGuardian() {
	syscall.CloseOnExec(ordersFD)
	syscall.CloseOnExec(reportsFD)
}

// commandAttr puts a command into a group of its own.
func commandAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

func killChildren() bool { return false }

func killSession(int) {}

func waitGuardian(cmd *exec.Cmd) { _ = cmd.Wait() } // how a guardian ends says nothing
