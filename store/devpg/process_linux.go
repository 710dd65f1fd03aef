package devpg

import (
	"os/exec"
	"runtime"
	"syscall"
)

// runTied starts cmd, reports that on started and returns when it has ended. If our process dies, the kernel sends cmd a SIGINT,
// for the server a fast shutdown. It does so when the *thread* that forked ends (golang/go#27505), so that thread stays here.
func runTied(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr.Pdeathsig = syscall.SIGINT
	err := cmd.Start()
	started <- err
	if err == nil {
		_ = cmd.Wait() // how it ended is in cmd.ProcessState
	}
}
