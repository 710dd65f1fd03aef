//go:build duckdb

package duckdb_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// others are the processes but this one that have the file and compute: what the system
// knows of them, and what they were started with.
func (f file) others(t testing.TB) (list []string) {
	t.Helper()
	var about syscall.Stat_t
	if err := syscall.Stat(string(f), &about); err != nil {
		return nil
	}
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		t.Fatal(err)
	}
	lock := regexp.MustCompile(`POSIX +ADVISORY +WRITE (\d+) [0-9a-f:]+:` + strconv.FormatUint(about.Ino, 10) + ` `)
	for _, m := range lock.FindAllSubmatch(locks, -1) {
		pid, _ := strconv.Atoi(string(m[1])) // digits
		if pid != os.Getpid() && computes(pid) {
			started, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)) // it may be gone
			list = append(list, fmt.Sprintf("process %d: %s", pid, bytes.ReplaceAll(started, []byte{0}, []byte{' '})))
		}
	}
	return list
}

// computes reports whether a process has had a processor for half a second, which it has
// not before its statement runs.
func computes(pid int) bool {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 12 {
		return false
	}
	ticks, _ := strconv.Atoi(fields[11]) // of the user's time, 100 a second
	return ticks >= 50
}
