package executor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/tagexec/tagexec/store"
)

// Config of a Pool. Queue, Runners and Workers are required; a zero duration
// takes its default.
type Config struct {
	Queue   Queue
	Runners map[string]Runner // by kind
	Workers int               // jobs that run at the same time
	Pools   []string          // shown in tag_executors; the Queue restricts the claims
	Version string            // shown in tag_executors

	PollInterval time.Duration // between claims that find nothing; 250 ms
	Lease        time.Duration // how long the executor counts as alive without a heartbeat; 30 s
	Heartbeat    time.Duration // between signs of life; 5 s
	Grace        time.Duration // for running jobs after the context ended; 0 stops them at once
	JobTimeout   time.Duration // limit of an attempt whose job sets none; 1 h

	Log *slog.Logger // slog.Default() if nil
}

const (
	lastClaim    = 300 * time.Millisecond // for a claim under way when the context ended
	killGrace    = 3 * time.Second        // for a Runner to return after its context ended
	finalRecord  = time.Second            // for the last results, after everything ended
	maxPrefetch  = 1000                   // most jobs claimed ahead of free workers
	maxBehind    = 2 * recordBatch        // results that await their record; with more, nothing is claimed: their rows would be cold when their turn comes
	maxUnstored  = 64 << 20               // bytes of results that await their record: half of it stops claiming, all of it what is claimed from beginning
	cancelWithin = 2 * time.Second        // between looks for jobs that were asked to stop
)

// Pool runs the jobs of a queue in a fixed number of goroutines.
type Pool struct {
	Config
	hostname string
	id       atomic.Pointer[uuid.UUID] // a new one after the lease was lost

	jobs     chan *attempt // claimed, waiting for a worker
	results  results       // decided, waiting for the recorder
	held     held
	unstored atomic.Int64 // bytes of results that await their record
	busy     atomic.Int64 // attempts waiting for a worker or running
	finished atomic.Int64 // attempts that workers are done with
	ranFor   atomic.Int64 // nanoseconds that Runners ran, together
	stuck    atomic.Int64 // workers whose Runner ignores its context
	pace     pace
	lease    lease
	wakeAt   atomic.Int64  // the claimer waits until busy falls to this; -1: it does not
	freed    chan struct{} // flag: workers are free, a claim has become worthwhile
	stored   chan struct{} // flag: results were stored, what waited for them may run
	stopping chan struct{} // closed when nothing is started any more
	started  atomic.Bool
	stats    stats
	naps     sync.WaitGroup
	lastNap  chan struct{} // closed when the nap that began last has ended; only the claimer uses it
	deaf     outage        // only the present nap uses it

	claimsBegun, claimsEnded atomic.Int64
}

// New checks the configuration and returns a Pool that does nothing yet.
func New(c Config) (*Pool, error) {
	switch {
	case c.Queue == nil:
		return nil, errors.New("executor: Config.Queue is missing")
	case len(c.Runners) == 0:
		return nil, errors.New("executor: Config.Runners names no kind of job")
	case c.Workers < 1:
		return nil, fmt.Errorf("executor: Config.Workers is %d, need at least 1", c.Workers)
	}
	if min(c.PollInterval, c.Lease, c.Heartbeat, c.Grace, c.JobTimeout) < 0 {
		return nil, errors.New("executor: a duration in Config is negative")
	}
	c.PollInterval = cmp.Or(c.PollInterval, 250*time.Millisecond)
	c.Lease = cmp.Or(c.Lease, 30*time.Second)
	c.Heartbeat = cmp.Or(c.Heartbeat, 5*time.Second)
	c.JobTimeout = cmp.Or(c.JobTimeout, time.Hour)
	c.Log = cmp.Or(c.Log, slog.Default())
	if c.Heartbeat*2 > c.Lease {
		return nil, fmt.Errorf("executor: a lease of %s is too short for a heartbeat every %s: it must be at least twice as long", c.Lease, c.Heartbeat)
	}
	hostname, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("executor: read the host's name: %w", err)
	}
	return &Pool{
		Config:   c,
		hostname: cleanText(hostname),
		jobs:     make(chan *attempt, c.Workers+maxPrefetch),
		results:  results{ready: make(chan struct{}, 1)},
		held:     held{claims: map[store.Claim]*attempt{}, jobs: map[int64]int{}, again: map[int64]int{}},
		lease:    lease{length: c.Lease},
		freed:    make(chan struct{}, 1),
		stored:   make(chan struct{}, 1),
		stopping: make(chan struct{}),
		deaf:     outage{log: c.Log, what: "listen"},
	}, nil
}

// Run registers the executor and runs jobs until ctx ends. Then it claims
// nothing more, lets running jobs go on for Grace, stops the rest, records,
// hands unfinished jobs back and returns nil. An error means that it could not
// start. Run may be called once.
func (p *Pool) Run(ctx context.Context) error {
	if !p.started.CompareAndSwap(false, true) {
		return errors.New("executor: Run was called before")
	}
	id := uuid.New() // random: the host's name or an earlier id could belong to somebody who still lives
	p.id.Store(&id)
	if err := p.register(ctx); err != nil {
		return err
	}
	// Jobs outlive ctx by the grace, and the engine outlives the jobs.
	runs, stopRuns := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stopRuns(nil)
	engine, stopEngine := context.WithCancel(context.WithoutCancel(ctx))
	defer stopEngine()
	claims, stopClaims := context.WithCancel(engine)
	defer stopClaims()

	var claimer, workers, recorder, keepers sync.WaitGroup
	var work func()
	work = func() { p.work(func() { workers.Go(work) }) }
	for range p.Workers {
		workers.Go(work)
	}
	recording := make(chan struct{})
	recorder.Go(func() { p.record(engine, recording) })
	keepers.Go(func() { p.beat(engine) })
	keepers.Go(func() { p.guard(engine) })
	keepers.Go(func() { p.keep(engine) })
	var unanswered bool
	claimer.Go(func() { unanswered = p.claim(ctx, claims, runs) })

	<-ctx.Done()
	stopAt := time.Now().Add(p.Grace)
	close(p.stopping)
	p.Log.Info("claiming nothing more", "running", p.busy.Load(), "grace", p.Grace)
	// A claim under way is given a moment: cut off, its answer is lost.
	if claimed := ended(&claimer); !within(lastClaim, claimed) {
		stopClaims()
		<-claimed
	}
	p.handBackQueued(ErrShutdown)
	close(p.jobs)

	finished := ended(&workers)
	if !within(time.Until(stopAt), finished) {
		p.Log.Info("grace is over, stopping jobs", "running", p.busy.Load())
		stopRuns(ErrShutdown)
		if !within(killGrace, finished) {
			for _, a := range p.held.snapshot() {
				p.abandon(a, ErrShutdown)
			}
		}
	}
	close(recording)
	if !within(finalRecord, ended(&recorder)) {
		p.Log.Error("the last results could not be stored; their jobs are offered again when the lease is over", "jobs", p.held.size())
	}
	p.leave(engine, unanswered)
	stopEngine()
	recorder.Wait()
	keepers.Wait()
	p.naps.Wait()
	return nil
}

// ended returns a channel that is closed when all goroutines of the group have ended.
func ended(group *sync.WaitGroup) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	return done
}

// within waits for done, at most d, and tells whether it came.
func within(d time.Duration, done <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		select {
		case <-done:
			return true
		default:
			return false
		}
	}
}

// register makes this executor known under its present id. Its lease begins.
func (p *Pool) register(ctx context.Context) error {
	id, sent := *p.id.Load(), time.Now()
	err := p.Queue.Register(ctx, store.Executor{
		ID: id, Hostname: p.hostname, PID: os.Getpid(), Version: p.Version, Workers: p.Workers,
		Kinds: slices.Sorted(maps.Keys(p.Runners)), Pools: p.Pools, Lease: p.Lease,
	})
	if err != nil {
		return err
	}
	p.lease.renew(sent)
	p.Log.Info("executor registered", "executor", id, "workers", p.Workers)
	return nil
}

// leave hands back what still runs under this executor's id, and signs off.
// Who has signed off is never reaped, so that is done only when nothing runs
// and no claim is left that could still come through.
func (p *Pool) leave(engine context.Context, unanswered bool) {
	ctx, cancel := context.WithTimeout(engine, finalRecord/2)
	defer cancel()
	id := *p.id.Load()
	err := p.handBackRunning(ctx, id)
	if err == nil && !unanswered {
		err = p.Queue.Stop(ctx, id)
	}
	if err != nil {
		p.Log.Error("could not sign off; others take over when the lease is over", "error", err)
	}
	p.Log.Info("executor stopped", "executor", id, "jobs", p.Stats())
}

// handBackRunning hands back jobs that the database ascribes to this executor,
// until there are none. Those held have a result that the recorder goes on
// trying to store.
func (p *Pool) handBackRunning(ctx context.Context, id uuid.UUID) error {
	for {
		left, err := p.Queue.Running(ctx, id)
		if err != nil || len(left) == 0 {
			return err
		}
		held := p.held.snapshot()
		var results []store.Result
		for _, r := range left {
			if held[r.Claim] == nil {
				results = append(results, store.Result{
					Claim: r.Claim, Outcome: store.Interrupted, ErrorCode: "interrupted", Error: errUnanswered.Error(),
				})
			}
		}
		if len(results) > 0 {
			if _, err := p.Queue.Record(ctx, p.hostname, results); err != nil {
				return err
			}
		}
		if sleep(ctx, lockedWait/2); ctx.Err() != nil {
			return fmt.Errorf("%d jobs still run under this executor's id", len(left))
		}
	}
}
