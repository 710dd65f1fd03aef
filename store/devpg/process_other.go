//go:build !linux

package devpg

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// runTied starts cmd, reports that on started and returns when it has ended. No signal tells of a parent's death here, so a shell
// waits for the end of a pipe that only we hold open and then sends cmd a SIGINT, for the server a fast shutdown.
func runTied(cmd *exec.Cmd, started chan<- error) {
	read, write, err := os.Pipe()
	if err != nil {
		started <- err
		return
	}
	defer write.Close()
	defer read.Close()
	if err := cmd.Start(); err != nil {
		started <- err
		return
	}
	watch := exec.Command("/bin/sh", "-c", `read -r _; kill -INT "$0"`, strconv.Itoa(cmd.Process.Pid))
	watch.Stdin = read
	watch.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: cmd.SysProcAttr.Credential}
	if err := watch.Start(); err != nil {
		started <- errors.Join(err, cmd.Process.Kill())
		_ = cmd.Wait()
		return
	}
	started <- nil
	_ = cmd.Wait() // how it ended is in cmd.ProcessState
	_ = watch.Process.Kill()
	_ = watch.Wait()
}
