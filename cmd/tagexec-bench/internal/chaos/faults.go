package chaos

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/wait"
)

// fault is something that goes wrong with an executor. It returns when it is
// over, at once after ctx has ended.
type fault struct {
	name   string
	often  int // in a round of all faults
	inject func(ctx context.Context, e *executor, random *rand.Rand)
}

var executorFaults = []fault{
	{"executor killed", 2, func(ctx context.Context, e *executor, random *rand.Rand) {
		if ended := e.signal(syscall.SIGKILL, between(random, 0, 3*time.Second)); ended != nil {
			<-ended
		}
	}},
	{"executor terminated", 1, func(ctx context.Context, e *executor, random *rand.Rand) {
		e.terminate(between(random, 0, time.Second))
	}},
	{"executor stopped past its lease", 2, func(ctx context.Context, e *executor, random *rand.Rand) {
		e.signal(syscall.SIGSTOP, 0)
		wait.For(ctx, between(random, lease, 3*lease))
		e.signal(syscall.SIGCONT, 0)
	}},
	{"network cut", 2, func(ctx context.Context, e *executor, random *rand.Rand) {
		e.proxy.Cut()
		wait.For(ctx, between(random, lease/4, 3*lease))
		e.proxy.Heal()
	}},
	{"network frozen", 2, func(ctx context.Context, e *executor, random *rand.Rand) {
		e.proxy.Freeze()
		wait.For(ctx, between(random, lease/4, 3*lease))
		e.proxy.Thaw()
	}},
	{"network slow", 1, func(ctx context.Context, e *executor, random *rand.Rand) {
		e.proxy.Limit(20_000) // bytes a second: claims and records of many jobs do not end in time
		wait.For(ctx, between(random, lease, 3*lease))
		e.proxy.Limit(0)
	}},
	{"heartbeat frozen", 1, func(ctx context.Context, e *executor, random *rand.Rand) {
		e.proxy.FreezeApplication("tagexec heartbeat")
		wait.For(ctx, between(random, lease, 3*lease))
		e.proxy.Thaw()
	}},
	{"commands gone", 2, func(ctx context.Context, e *executor, random *rand.Rand) {
		e.hideCommands(ctx, between(random, lease/2, 3*lease))
	}},
	{"source away", 2, func(ctx context.Context, e *executor, random *rand.Rand) {
		e.source.Cut()
		wait.For(ctx, between(random, lease/2, 3*lease))
		e.source.Heal()
	}},
	{"answer to a claim lost", 3, func(ctx context.Context, e *executor, random *rand.Rand) {
		e.loseAnswers(ctx, 1+random.IntN(2), "-- tagexec: claim")
	}},
	{"answer to a record lost", 3, func(ctx context.Context, e *executor, random *rand.Rand) {
		e.loseAnswers(ctx, 1+random.IntN(2), "-- tagexec: record")
	}},
}

// hideCommands makes the executor a black hole for commands: their directory is
// empty, as it is where a volume is not mounted.
func (e *executor) hideCommands(ctx context.Context, away time.Duration) {
	command := filepath.Join(e.commands(), commandName)
	hidden := e.commands() + ".hidden"
	err := os.Rename(command, hidden)
	if err == nil {
		wait.For(ctx, away)
		err = os.Rename(hidden, command)
	}
	if err != nil {
		e.testbed.findings.add("testbed", "%v", err)
	}
}

// loseAnswers loses the answers to n statements, and waits a moment for them to
// come; an idle executor loses them later.
func (e *executor) loseAnswers(ctx context.Context, n int, statement string) {
	e.proxy.DropAnswers(n, func(sql string) bool { return strings.HasPrefix(sql, statement) })
	wait.For(ctx, lease/2)
}

const (
	backendsEnded = "connections terminated"
	insertLost    = "answer to an insert lost"
	shortOutage   = "server crashed"
	longOutage    = "server away past the lease"
)

// leftOut returns the faults that cannot be injected here, and why.
func (b *testbed) leftOut() map[string]string {
	out := map[string]string{}
	if b.Server == nil {
		for _, name := range []string{shortOutage, longOutage} {
			out[name] = "the server is not ours"
		}
	}
	if b.Clock == nil {
		out[clockStep] = b.NoClock
	}
	return out
}

// shuffled returns all faults in random order, so that each comes up soon.
func (b *testbed) shuffled(random *rand.Rand) []string {
	next := []string{backendsEnded, backendsEnded, insertLost, insertLost}
	if b.Server != nil {
		next = append(next, shortOutage, longOutage)
	}
	if b.Clock != nil {
		next = append(next, clockStep, clockStep)
	}
	for _, f := range executorFaults {
		for range f.often {
			next = append(next, f.name)
		}
	}
	random.Shuffle(len(next), func(i, j int) { next[i], next[j] = next[j], next[i] })
	return next
}

// injectFaults injects one fault after the other until ctx ends, some while
// others last, and returns when all are over.
func (b *testbed) injectFaults(ctx context.Context, random *rand.Rand) {
	var (
		lasting sync.WaitGroup
		outage  = make(chan struct{}, 1) // holds a token while the server is away
		step    = make(chan struct{}, 1) // holds a token while its clock is off
		next    []string
	)
	defer lasting.Wait()
	for {
		wait.For(ctx, between(random, 300*time.Millisecond, 2*time.Second))
		if ctx.Err() != nil {
			return
		}
		if len(next) == 0 {
			next = b.shuffled(random)
		}
		name, first := next[0], random.IntN(executors)
		next = next[1:]
		own := rand.New(rand.NewPCG(random.Uint64(), 0))
		switch name {
		case backendsEnded:
			b.terminateBackends(ctx, 1+own.IntN(4))
		case insertLost:
			b.faults.add(name)
			b.proxy.DropAnswers(1+own.IntN(3), isInsert)
		case shortOutage, longOutage:
			if acquire(outage) {
				lasting.Go(func() { defer release(outage); b.stopServer(ctx, name, own) })
			}
		case clockStep:
			if acquire(step) {
				lasting.Go(func() { defer release(step); b.stepClock(ctx, own) })
			}
		default:
			b.inject(ctx, name, first, own, &lasting)
		}
	}
}

// inject injects a fault into the first executor from that number on which has
// none, if there is one.
func (b *testbed) inject(ctx context.Context, name string, first int, random *rand.Rand, lasting *sync.WaitGroup) {
	for i := range b.executors {
		e := b.executors[(first+i)%len(b.executors)]
		if !acquire(e.busy) {
			continue
		}
		for _, f := range executorFaults {
			if f.name == name {
				b.faults.add(name)
				lasting.Go(func() { defer release(e.busy); f.inject(ctx, e, random) })
			}
		}
		return
	}
}

// isInsert leaves out COPY, whose answer comes in two parts.
func isInsert(sql string) bool {
	return strings.HasPrefix(sql, "-- chaos: insert") || strings.HasPrefix(sql, "-- chaos: submit")
}

// terminateBackends ends n connections, whoever's.
func (b *testbed) terminateBackends(ctx context.Context, n int) {
	const sql = `
		SELECT pg_terminate_backend(pid)
		  FROM pg_stat_activity
		 WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
		 ORDER BY random()
		 LIMIT $1`
	if _, err := b.db.Exec(ctx, sql, n); err == nil {
		b.faults.add(backendsEnded)
	}
}

// stopServer stops the server as a crash would, and starts it again.
func (b *testbed) stopServer(ctx context.Context, name string, random *rand.Rand) {
	away := between(random, 0, lease/4)
	if name == longOutage {
		away = between(random, lease, 2*lease)
	}
	if err := b.Server.StopImmediate(); err != nil {
		b.findings.add("server", "%v", err)
	}
	b.faults.add(name)
	wait.For(ctx, away)
	restart, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if err := b.Server.Restart(restart); err != nil {
		b.findings.add("server", "%v", err)
	}
}

func acquire(token chan struct{}) bool {
	select {
	case token <- struct{}{}:
		return true
	default:
		return false
	}
}

func release(token chan struct{}) { <-token }
