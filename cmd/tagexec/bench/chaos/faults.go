package chaos

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"time"
)

// fault is something that goes wrong with an executor. It returns when it is
// over, at once after ctx has ended.
type fault struct {
	name   string
	often  int // per deck
	strike func(ctx context.Context, v *victim, random *rand.Rand)
}

var executorFaults = []fault{
	{"executor killed", 2, func(ctx context.Context, v *victim, random *rand.Rand) {
		if ended := v.signal(syscall.SIGKILL, between(random, 0, 3*time.Second)); ended != nil {
			<-ended
		}
	}},
	{"executor terminated", 1, func(ctx context.Context, v *victim, random *rand.Rand) {
		v.terminate(between(random, 0, time.Second))
	}},
	{"executor stopped past its lease", 2, func(ctx context.Context, v *victim, random *rand.Rand) {
		v.signal(syscall.SIGSTOP, 0)
		pause(ctx, between(random, lease, 3*lease))
		v.signal(syscall.SIGCONT, 0)
	}},
	{"network cut", 2, func(ctx context.Context, v *victim, random *rand.Rand) {
		v.proxy.Cut()
		pause(ctx, between(random, lease/4, 3*lease))
		v.proxy.Heal()
	}},
	{"network frozen", 2, func(ctx context.Context, v *victim, random *rand.Rand) {
		v.proxy.Freeze()
		pause(ctx, between(random, lease/4, 3*lease))
		v.proxy.Thaw()
	}},
	{"heartbeat frozen", 1, func(ctx context.Context, v *victim, random *rand.Rand) {
		v.proxy.FreezeApplication("tagexec heartbeat")
		pause(ctx, between(random, lease, 3*lease))
		v.proxy.Thaw()
	}},
	{"answer to a claim lost", 3, func(ctx context.Context, v *victim, random *rand.Rand) {
		v.loseAnswers(ctx, 1+random.IntN(2), "-- tagexec: claim")
	}},
	{"answer to a record lost", 3, func(ctx context.Context, v *victim, random *rand.Rand) {
		v.loseAnswers(ctx, 1+random.IntN(2), "-- tagexec: record")
	}},
}

// loseAnswers loses the answers to n statements, and waits a moment for them to
// come; an idle executor loses them later.
func (v *victim) loseAnswers(ctx context.Context, n int, statement string) {
	v.proxy.DropAnswers(n, func(sql string) bool { return strings.HasPrefix(sql, statement) })
	pause(ctx, lease/2)
}

const (
	backendsEnded = "connections terminated"
	insertLost    = "answer to an insert lost"
	shortOutage   = "server crashed"
	longOutage    = "server away past the lease"
)

// deck returns all faults in random order, so that each comes up soon.
func (a *arena) deck(random *rand.Rand) []string {
	cards := []string{backendsEnded, backendsEnded, insertLost, insertLost}
	if a.Server != nil {
		cards = append(cards, shortOutage, longOutage)
	}
	for _, f := range executorFaults {
		for range f.often {
			cards = append(cards, f.name)
		}
	}
	random.Shuffle(len(cards), func(i, j int) { cards[i], cards[j] = cards[j], cards[i] })
	return cards
}

// driveFaults injects one fault after the other until ctx ends, some while
// others last, and returns when all are over.
func (a *arena) driveFaults(ctx context.Context, random *rand.Rand) {
	var (
		lasting sync.WaitGroup
		outage  = make(chan struct{}, 1) // holds a token while the server is away
		cards   []string
	)
	defer lasting.Wait()
	for {
		pause(ctx, between(random, 300*time.Millisecond, 2*time.Second))
		if ctx.Err() != nil {
			return
		}
		if len(cards) == 0 {
			cards = a.deck(random)
		}
		card, first := cards[0], random.IntN(executors)
		cards = cards[1:]
		own := rand.New(rand.NewPCG(random.Uint64(), 0))
		switch card {
		case backendsEnded:
			a.terminateBackends(ctx, 1+own.IntN(4))
		case insertLost:
			a.faults.add(card)
			a.way.DropAnswers(1+own.IntN(3), isInsert)
		case shortOutage, longOutage:
			if acquire(outage) {
				lasting.Go(func() { defer release(outage); a.stopServer(ctx, card, own) })
			}
		default:
			a.strike(ctx, card, first, own, &lasting)
		}
	}
}

// strike lets a fault strike the first executor from that number on which has
// none, if there is one.
func (a *arena) strike(ctx context.Context, name string, first int, random *rand.Rand, lasting *sync.WaitGroup) {
	for i := range a.executors {
		v := a.executors[(first+i)%len(a.executors)]
		if !acquire(v.busy) {
			continue
		}
		for _, f := range executorFaults {
			if f.name == name {
				a.faults.add(name)
				lasting.Go(func() { defer release(v.busy); f.strike(ctx, v, random) })
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
func (a *arena) terminateBackends(ctx context.Context, n int) {
	const sql = `
		SELECT pg_terminate_backend(pid)
		  FROM pg_stat_activity
		 WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
		 ORDER BY random()
		 LIMIT $1`
	if _, err := a.db.Exec(ctx, sql, n); err == nil {
		a.faults.add(backendsEnded)
	}
}

// stopServer stops the server as a crash would, and starts it again.
func (a *arena) stopServer(ctx context.Context, name string, random *rand.Rand) {
	away := between(random, 0, lease/4)
	if name == longOutage {
		away = between(random, lease, 2*lease)
	}
	if err := a.Server.StopImmediate(); err != nil {
		a.findings.add("server", "%v", err)
	}
	a.faults.add(name)
	pause(ctx, away)
	restart, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if err := a.Server.Restart(restart); err != nil {
		a.findings.add("server", "%v", err)
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
