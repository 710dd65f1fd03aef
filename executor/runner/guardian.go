package runner

import (
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"
)

// The guardian's whole life: it notes process groups that begin and end, and
// when its input closes, because the executor ended in whatever way, kills
// those that are left.
const guardianScript = `
groups=' '
while read -r verb group; do
  case $verb in
    begin) groups="$groups$group " ;;
    end) groups="${groups%%" $group "*} ${groups#*" $group "}" ;;
  esac
done
for group in $groups; do
  kill -s KILL -- "-$group"
done`

// guardian is a small shell beside the executor. The kernel's parent-death
// signal reaches only the process that we started; what that one has started
// would outlive an executor that is killed. There is one guardian for all
// commands of a runner. Where there is no /bin/sh there is none.
type guardian struct {
	mu    sync.Mutex
	shell *exec.Cmd
	tell  io.WriteCloser
}

// startGuardian starts a guardian, in a session of its own, so that what ends
// the executor does not end it too.
func startGuardian() *guardian {
	g := &guardian{}
	shell := exec.Command("/bin/sh", "-c", guardianScript)
	shell.Env = []string{}
	shell.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	tell, err := shell.StdinPipe()
	if err != nil {
		return g
	}
	if shell.Start() == nil {
		g.shell, g.tell = shell, tell
	}
	return g
}

// begin and end tell it of a process group.
func (g *guardian) begin(group int) { g.say("begin", group) }
func (g *guardian) end(group int)   { g.say("end", group) }

func (g *guardian) say(verb string, group int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.tell != nil {
		_, _ = fmt.Fprintln(g.tell, verb, group) // it can be gone; the jobs run on
	}
}

// close ends the guardian.
func (g *guardian) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.tell != nil {
		_ = g.tell.Close()
		_ = g.shell.Wait() // how it ends says nothing
		g.tell = nil
	}
}
