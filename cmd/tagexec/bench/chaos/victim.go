package chaos

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tagexec/tagexec/cmd/tagexec/faultproxy"
)

// What the executors are set to.
const (
	executors = 3
	workers   = 8
	lease     = 2 * time.Second
	heartbeat = 500 * time.Millisecond
	grace     = time.Second

	// exitLimit is the promised end after SIGTERM, and time for a loaded machine.
	exitLimit = grace + 5*time.Second + 10*time.Second

	// codeUnreachable is the exit code of an executor that found no database at
	// its start.
	codeUnreachable = 3
)

// victim is an executor: a process behind a proxy of its own, started again
// whenever it ends, as systemd would.
type victim struct {
	arena  *arena
	number int
	proxy  *faultproxy.Proxy
	env    []string
	log    *executorLog
	busy   chan struct{} // holds a token while a fault is on it

	mu      sync.Mutex
	process *os.Process
	ended   chan struct{} // closed when process has ended
	asked   bool          // process was told to end
	away    time.Duration // how long it stays away then
	retired bool          // it is not started again
}

// startExecutors starts them all and waits until they have registered.
func (a *arena) startExecutors(ctx context.Context) error {
	for i := range executors {
		v, err := a.newVictim(i)
		if err != nil {
			return err
		}
		a.executors = append(a.executors, v)
		a.supervising.Go(v.supervise)
	}
	for end := time.Now().Add(time.Minute); ; pause(ctx, 50*time.Millisecond) {
		var n int
		err := a.db.QueryRow(ctx, "SELECT count(*) FROM tagexec.tag_executors WHERE stopped_at IS NULL").Scan(&n)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return err
		case n >= executors:
			return nil
		case time.Now().After(end):
			return fmt.Errorf("start the executors: %d of %d have registered within a minute; see the logs in %s", n, executors, a.Dir)
		}
	}
}

func (a *arena) newVictim(number int) (*victim, error) {
	proxy, through, err := faultproxy.Before(a.Database)
	if err != nil {
		return nil, err
	}
	log, err := openLog(a, a.path(fmt.Sprintf("executor-%d.log", number)))
	if err != nil {
		_ = proxy.Close() // nothing uses it
		return nil, err
	}
	v := &victim{arena: a, number: number, proxy: proxy, log: log, busy: make(chan struct{}, 1)}
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "TAGEXEC_") {
			v.env = append(v.env, entry)
		}
	}
	v.env = append(v.env, "TMPDIR="+a.path("tmp"), // where a killed one leaves what it was working on
		"TAGEXEC_DATABASE_URL="+through, "TAGEXEC_SQL_SOURCES=effects="+a.Database,
		"TAGEXEC_COMMANDS_DIR="+a.path("commands"), "TAGEXEC_COMMAND_ENV=PATH",
		fmt.Sprintf("TAGEXEC_WORKERS=%d", workers), "TAGEXEC_POLL_INTERVAL=100ms",
		"TAGEXEC_LEASE="+lease.String(), "TAGEXEC_HEARTBEAT="+heartbeat.String(), "TAGEXEC_SHUTDOWN_GRACE="+grace.String(),
		"TAGEXEC_HTTP_ADDR=127.0.0.1:0", "TAGEXEC_LOG_FORMAT=json")
	return v, nil
}

// supervise starts the process again and again until the victim has retired.
func (v *victim) supervise() {
	runtime.LockOSThread() // the process dies with the thread that started it
	defer runtime.UnlockOSThread()
	defer v.log.close()
	for {
		cmd := exec.Command(v.arena.Executable)
		cmd.Args = []string{"tagexec", "serve"} // a test binary goes by its name
		cmd.Env, cmd.Stderr, cmd.WaitDelay, cmd.SysProcAttr = v.env, v.log, time.Second, tied()
		if !v.begin(cmd) {
			return
		}
		_ = cmd.Wait() // how it ended is in cmd.ProcessState
		away := v.end(cmd.ProcessState)
		time.Sleep(away)
	}
}

// begin starts the process unless the victim has retired.
func (v *victim) begin(cmd *exec.Cmd) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.retired {
		return false
	}
	if err := cmd.Start(); err != nil {
		v.arena.findings.add("executor_died", "executor %d does not start: %v", v.number, err)
		return false
	}
	v.process, v.ended, v.asked, v.away = cmd.Process, make(chan struct{}), false, reportEvery
	return true
}

// end judges how the process ended, and returns how long to stay away.
func (v *victim) end(state *os.ProcessState) time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.asked && state.ExitCode() != codeUnreachable {
		v.arena.findings.add("executor_died", "executor %d ended by itself: %s", v.number, state)
	}
	close(v.ended)
	v.process = nil
	if v.retired {
		return 0
	}
	return v.away
}

// signal sends a signal to the process, if there is one, and returns a channel
// that is closed when it has ended. An ending one says how long to stay away.
func (v *victim) signal(s syscall.Signal, away time.Duration) <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.process == nil {
		return nil
	}
	if s == syscall.SIGKILL || s == syscall.SIGTERM {
		v.asked, v.away = true, away
	}
	_ = v.process.Signal(s) // it may have just ended
	return v.ended
}

// terminate asks the process to end and waits until it has.
func (v *victim) terminate(away time.Duration) {
	ended := v.signal(syscall.SIGTERM, away)
	if ended == nil {
		return
	}
	select {
	case <-ended:
	case <-time.After(exitLimit):
		v.arena.findings.add("bounded_exit", "executor %d still lives %s after SIGTERM, with a grace of %s", v.number, exitLimit, grace)
		if ended = v.signal(syscall.SIGKILL, away); ended != nil {
			<-ended
		}
	}
}

// retireExecutors ends all of them in order.
func (a *arena) retireExecutors() {
	var ending sync.WaitGroup
	for _, v := range a.executors {
		v.retire()
		ending.Go(func() { v.terminate(0) })
	}
	ending.Wait()
	a.supervising.Wait()
}

func (v *victim) retire() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.retired = true
}

// abandon ends it at once.
func (v *victim) abandon() {
	v.retire()
	v.signal(syscall.SIGKILL, 0)
}
