package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/faultproxy"
	"github.com/tagexec/tagexec/cmd/internal/wait"
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

// executor is a process behind a proxy of its own, started again
// whenever it ends, as systemd would.
type executor struct {
	testbed *testbed
	number  int
	proxy   *faultproxy.Proxy // before the queue
	source  *faultproxy.Proxy // before the database of its SQL jobs
	env     []string
	log     *executorLog
	busy    chan struct{} // holds a token while a fault is on it

	mu      sync.Mutex
	process *os.Process
	ended   chan struct{} // closed when process has ended
	asked   bool          // process was told to end
	away    time.Duration // how long it stays away then
	stopped bool          // it is not started again
}

// startExecutors starts them all and waits until they have registered.
func (b *testbed) startExecutors(ctx context.Context) error {
	for i := range executors {
		e, err := b.newExecutor(i)
		if err != nil {
			return err
		}
		b.executors = append(b.executors, e)
		b.supervising.Go(e.supervise)
	}
	for end := time.Now().Add(time.Minute); ; wait.For(ctx, 50*time.Millisecond) {
		var n int
		err := b.db.QueryRow(ctx, "SELECT count(*) FROM tagexec.tag_executors WHERE stopped_at IS NULL").Scan(&n)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return err
		case n >= executors:
			return nil
		case time.Now().After(end):
			return fmt.Errorf("start the executors: %d of %d have registered within a minute; see the logs in %s", n, executors, b.Dir)
		}
	}
}

func (b *testbed) newExecutor(number int) (*executor, error) {
	e := &executor{testbed: b, number: number, busy: make(chan struct{}, 1)}
	var queue, source string
	var err error
	if e.proxy, queue, err = faultproxy.Before(b.Database); err != nil {
		return nil, err
	}
	if e.source, source, err = faultproxy.Before(b.Database); err != nil {
		return nil, errors.Join(err, e.proxy.Close())
	}
	if e.log, err = openLog(b, b.path(fmt.Sprintf("executor-%d.log", number))); err != nil {
		return nil, errors.Join(err, e.proxy.Close(), e.source.Close())
	}
	if err := writeCommands(e.commands(), b.path("history")); err != nil {
		return nil, errors.Join(err, e.proxy.Close(), e.source.Close())
	}
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "TAGEXEC_") {
			e.env = append(e.env, entry)
		}
	}
	e.env = append(e.env, "TMPDIR="+b.path("tmp"), // where a killed one leaves what it was working on
		"TAGEXEC_DATABASE_URL="+queue, "TAGEXEC_SQL_SOURCES=effects="+source,
		"TAGEXEC_COMMANDS_DIR="+e.commands(), "TAGEXEC_COMMAND_ENV=PATH",
		fmt.Sprintf("TAGEXEC_WORKERS=%d", workers), "TAGEXEC_POLL_INTERVAL=100ms",
		"TAGEXEC_LEASE="+lease.String(), "TAGEXEC_HEARTBEAT="+heartbeat.String(), "TAGEXEC_SHUTDOWN_GRACE="+grace.String(),
		"TAGEXEC_HTTP_ADDR=127.0.0.1:0", "TAGEXEC_LOG_FORMAT=json")
	return e, nil
}

// commands is the directory of the commands of its jobs.
func (e *executor) commands() string {
	return e.testbed.path(fmt.Sprintf("commands-%d", e.number))
}

// supervise starts the process again and again until the executor has stopped.
func (e *executor) supervise() {
	runtime.LockOSThread() // the process dies with the thread that started it
	defer runtime.UnlockOSThread()
	defer e.log.close()
	for {
		cmd := exec.Command(e.testbed.Executable, "serve")
		cmd.Env, cmd.Stderr, cmd.WaitDelay, cmd.SysProcAttr = e.env, e.log, time.Second, ownGroup()
		if !e.begin(cmd) {
			return
		}
		_ = cmd.Wait() // how it ended is in cmd.ProcessState
		away := e.end(cmd.ProcessState)
		time.Sleep(away)
	}
}

// begin starts the process unless the executor has stopped.
func (e *executor) begin(cmd *exec.Cmd) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped {
		return false
	}
	if err := cmd.Start(); err != nil {
		e.testbed.findings.add("executor_died", "executor %d does not start: %v", e.number, err)
		return false
	}
	e.process, e.ended, e.asked, e.away = cmd.Process, make(chan struct{}), false, reportEvery
	return true
}

// end checks how the process ended, and returns how long to stay away.
func (e *executor) end(state *os.ProcessState) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.asked && state.ExitCode() != codeUnreachable {
		e.testbed.findings.add("executor_died", "executor %d ended by itself: %s", e.number, state)
	}
	close(e.ended)
	e.process = nil
	if e.stopped {
		return 0
	}
	return e.away
}

// signal sends a signal to the process, if there is one, and returns a channel
// that is closed when it has ended. An ending one says how long to stay away.
func (e *executor) signal(s syscall.Signal, away time.Duration) <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.process == nil {
		return nil
	}
	if s == syscall.SIGKILL || s == syscall.SIGTERM {
		e.asked, e.away = true, away
	}
	_ = e.process.Signal(s) // it may have just ended
	return e.ended
}

// terminate asks the process to end and waits until it has.
func (e *executor) terminate(away time.Duration) {
	ended := e.signal(syscall.SIGTERM, away)
	if ended == nil {
		return
	}
	select {
	case <-ended:
	case <-time.After(exitLimit):
		e.testbed.findings.add("bounded_exit", "executor %d still lives %s after SIGTERM, with a grace of %s", e.number, exitLimit, grace)
		if ended = e.signal(syscall.SIGKILL, away); ended != nil {
			<-ended
		}
	}
}

// stopExecutors ends all of them in order.
func (b *testbed) stopExecutors() {
	var ending sync.WaitGroup
	for _, e := range b.executors {
		e.stop()
		ending.Go(func() { e.terminate(0) })
	}
	ending.Wait()
	b.supervising.Wait()
}

func (e *executor) stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stopped = true
}

// kill ends it at once.
func (e *executor) kill() {
	e.stop()
	e.signal(syscall.SIGKILL, 0)
}
