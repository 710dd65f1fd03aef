package chaos

import "syscall"

// ownGroup puts a process into a group of its own, so that Ctrl-C on the terminal
// is for us alone, and lets it die with us, whatever ends us.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
