package runner

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/tagexec/tagexec/executor/runner/shield"
)

// selfPath is what a guardian is started from: this very program, also after
// its file was replaced by another version.
func selfPath() (string, error) {
	const self = "/proc/self/exe"
	if _, err := os.Readlink(self); err != nil {
		return os.Executable()
	}
	return self, nil
}

// becomeGuardian is best effort. The shield is last: from then on our own files
// in /proc belong to root.
func becomeGuardian() {
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	_ = os.WriteFile("/proc/self/comm", []byte("tagexec"), 0)
	// When memory runs out the kernel ends a command before the executor.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("500"), 0)
	shield.Descriptors()
	shield.Memory()
}

// commandAttr puts a command into a group of its own that dies with its
// guardian. The guardian starts it from the thread that lives as long as it
// does: the signal comes at the end of the thread (golang/go#27505).
func commandAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// Fields of /proc/PID/stat behind the name.
const (
	statParent  = 1
	statSession = 3
)

// killChildren kills all children of this process and reports whether it
// reached any.
func killChildren() bool { return killWhere(statParent, os.Getpid()) }

// killSession kills what is left of a guardian's session.
func killSession(guardian int) { killWhere(statSession, guardian) }

// killWhere kills all processes with a number in a field, and reports whether
// it reached any. In a /proc of other process ids it finds none.
func killWhere(field, number int) bool {
	if seen, err := os.Readlink("/proc/self"); err != nil || seen != strconv.Itoa(os.Getpid()) {
		return false
	}
	proc, err := os.Open("/proc")
	if err != nil {
		return false
	}
	defer func() { _ = proc.Close() }() // read only
	names, _ := proc.Readdirnames(-1)
	reached := false
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err == nil && statField(name, field) == strconv.Itoa(number) && syscall.Kill(pid, syscall.SIGKILL) == nil {
			reached = true
		}
	}
	return reached
}

// statField returns a field of a process, "" if it is gone.
func statField(pid string, field int) string {
	stat, _ := os.ReadFile("/proc/" + pid + "/stat")
	// The name in brackets may hold anything.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) <= field {
		return ""
	}
	return string(fields[field])
}

// waitGuardian waits until a guardian has ended. One that was stopped, which
// its command can do, is continued at once.
func waitGuardian(cmd *exec.Cmd) {
	const stopped = 5 // CLD_STOPPED
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, cmd.Process.Pid, &info, unix.WEXITED|unix.WSTOPPED|unix.WNOWAIT, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err == nil && info.Code == stopped:
			_ = unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WSTOPPED|unix.WNOHANG, nil) // take note of it
			_ = cmd.Process.Signal(syscall.SIGCONT)
			continue
		}
		_ = cmd.Wait() // how a guardian ends says nothing
		return
	}
}
