package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A guardian is a process between the executor and one command: this program
// once more, whose whole life is guardCommand. It is there because only a
// parent can do what a command needs:
//
//   - On Linux the orphans of a command become the guardian's children, also
//     those in another session. It reaps them while the command runs, and when
//     the command has ended it kills what is left, which is all of one job's.
//   - It outlives an executor that is killed, ends the command, and removes its
//     working directory.
//   - It has the command's environment and no other descriptors than the
//     command, so that nothing of the executor is found in the parent.
//
// A command that stops or kills its guardian harms its own job and no other.
type guardian struct {
	command int // its process id, which is its group too
	mu      sync.Mutex
	ended   bool // the command was reaped: its id may be another's
	alone   bool // the executor is gone
}

// guardianName is the first argument of a guardian, and what ps shows of it.
const guardianName = "tagexec: command"

// The descriptors that a guardian has beside the command's three.
const (
	ordersFD  = 3 // what the executor wants; it ends with the executor
	reportsFD = 4 // what becomes of the command
)

// guardianThreads are what a guardian needs beside its first: one that reads
// orders, and those of the runtime.
const guardianThreads = 3

// Orders are single bytes.
const (
	orderTerminate = 'T' // SIGTERM for the command's group
	orderKill      = 'K' // SIGKILL for all that the command has started
)

// report is one line that a guardian writes.
type report struct {
	verb   rune
	number int // as the verb says
}

const (
	reportBegins  = 'B' // 0: from now on the command may have run
	reportStarted = 'S' // the process id
	reportFailed  = 'F' // the errno
	reportEnded   = 'E' // the wait status
)

// init makes every program with this package in it its own guardian, so that
// nobody has to install one or to call it from main.
func init() {
	if len(os.Args) > 1 && os.Args[0] == guardianName {
		guardCommand(os.Args[1:])
		syscall.Exit(0) // os.Exit takes a second more under the race detector
	}
}

// guardCommand runs a command in the directory and with the environment and
// the first three descriptors of this process, and returns when nothing of it
// is left.
func guardCommand(argv []string) {
	runtime.GOMAXPROCS(1)
	reserveThreads(guardianThreads)
	becomeGuardian()
	orders, reports := os.NewFile(ordersFD, "orders"), os.NewFile(reportsFD, "reports")
	say := func(verb rune, number int) { _, _ = fmt.Fprintf(reports, "%c%d\n", verb, number) } // the executor can be gone

	// Asked of the kernel: os.Getwd would believe the command's PWD.
	work, err := syscall.Getwd()
	if err == nil {
		say(reportBegins, 0)
		var pid int
		pid, err = syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: commandAttr()})
		if err == nil {
			say(reportStarted, pid)
			guard(&guardian{command: pid}, orders, work, func(status syscall.WaitStatus) { say(reportEnded, int(status)) })
			return
		}
	}
	errno, _ := err.(syscall.Errno)
	say(reportFailed, int(errno))
}

// guard sees a command that runs to its end.
func guard(g *guardian, orders *os.File, work string, ended func(syscall.WaitStatus)) {
	releaseStreams()
	go g.obey(orders)
	ended(g.wait())
	g.endRest()
	g.mu.Lock()
	defer g.mu.Unlock()
	if above := filepath.Dir(work); g.alone && strings.HasPrefix(filepath.Base(above), workPrefix) {
		removeWork(work)
		_ = os.Remove(above) // the last guardian can
	}
}

// releaseStreams lets go of the command's streams: whoever reads them waits
// until nobody holds them.
func releaseStreams() {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return // the executor waits no longer than outputGrace
	}
	for fd := range 3 {
		_ = unix.Dup2(int(null.Fd()), fd)
	}
}

// obey does what the executor orders, and ends everything when it is gone.
func (g *guardian) obey(orders *os.File) {
	for {
		order := make([]byte, 1)
		_, err := orders.Read(order)
		g.mu.Lock()
		switch {
		case err != nil:
			g.alone = true
			g.kill()
		case order[0] == orderTerminate && !g.ended:
			_ = syscall.Kill(-g.command, syscall.SIGTERM) // none is left: fine too
		case order[0] == orderKill:
			g.kill()
		}
		g.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// kill kills the command and whatever it has started, as long as it runs;
// after that endRest does.
func (g *guardian) kill() {
	if !g.ended {
		_ = syscall.Kill(-g.command, syscall.SIGKILL)
		killChildren()
	}
}

// wait reaps the command's orphans until the command itself ends.
func (g *guardian) wait() syscall.WaitStatus {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if err != nil && err != syscall.EINTR {
			return status // cannot be: the command is a child
		}
		if pid == g.command {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.ended = true
			// The kernel gives a number to nobody while a group has it, and hands
			// numbers out in turn: a stranger cannot have it yet.
			_ = syscall.Kill(-pid, syscall.SIGKILL)
			return status
		}
	}
}

// endRest kills and reaps until no child is left, or none that may be killed.
// A process whose parent dies becomes our child: the next round finds it.
func (g *guardian) endRest() {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		switch {
		case err == syscall.ECHILD:
			return
		case pid > 0 || err == syscall.EINTR:
			continue
		}
		if !killChildren() {
			return
		}
		_, _ = syscall.Wait4(-1, nil, 0, nil)
	}
}
