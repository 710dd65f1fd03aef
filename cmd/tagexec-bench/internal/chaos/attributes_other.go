//go:build !linux

package chaos

import "syscall"

// ownGroup puts a process into a group of its own, so that Ctrl-C on the terminal
// is for us alone.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
