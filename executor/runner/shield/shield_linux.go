package shield

import (
	"bytes"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Descriptors keeps all open descriptors but the first three from programs that
// this one starts: also those that were inherited, of which nothing here knows.
func Descriptors() {
	if unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC) == nil {
		return
	}
	entries, _ := os.ReadDir("/proc/self/fd") // before Linux 5.11
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}

// Environment removes the environment from where the kernel shows it, in
// /proc/PID/environ, to root too. This process goes on with the copy that it
// made at its start. It works before Memory only.
func Environment() {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return
	}
	// From the state on, which is field 3: the name before it may hold anything.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const start, end = 50 - 3, 51 - 3
	if len(fields) <= end {
		return
	}
	from, _ := strconv.ParseInt(string(fields[start]), 10, 64)
	to, _ := strconv.ParseInt(string(fields[end]), 10, 64)
	memory, err := os.OpenFile("/proc/self/mem", os.O_WRONLY, 0)
	if err != nil || from >= to {
		return
	}
	defer func() { _ = memory.Close() }() // written without a buffer
	_, _ = memory.WriteAt(make([]byte, to-from), from)
}

// Memory keeps other processes of the same user from reading what is in
// /proc/PID: memory, environment, descriptors. They cannot trace this process
// either, and it leaves no core. Root can do all that.
func Memory() {
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
