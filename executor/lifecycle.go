package executor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tagexec/tagexec/store"
)

const (
	// lastClaim is the time for a claim under way when the context ended.
	lastClaim = 300 * time.Millisecond
	// lastLook is the time for the Output of a runner to return in the end.
	lastLook = 200 * time.Millisecond
)

// Counted from the end of the grace: jobs that end at once leave more time for
// their results. What is left of five seconds is for the program to close what it
// has open.
const (
	finalRecord = lastClaim + killGrace + time.Second // until the last results are stored
	signOff     = finalRecord + 400*time.Millisecond  // until this executor has signed off
)

// Run registers the executor and runs jobs until ctx ends. Then it claims
// nothing more, lets running jobs go on for Grace, stops the rest, records,
// hands unfinished jobs back and returns nil, at most five seconds after Grace.
// An operator can ask the executor to end (drain_executor): it does the same, but lets
// running jobs go on until they end or ctx does, and returns nil too.
// It returns an error only if it could not register, or was called before.
func (p *Pool) Run(ctx context.Context) error {
	if !p.started.CompareAndSwap(false, true) {
		return errors.New("executor: Run was called before")
	}
	p.breaker.start(ctx)
	defer p.breaker.stop()
	if err := p.register(ctx); err != nil {
		return err
	}
	// What is drained claims as little as what is stopped.
	claimable, drain := context.WithCancel(ctx)
	defer drain()
	// Jobs outlive ctx by the grace, and the engine outlives the jobs.
	jobCtx := context.WithoutCancel(ctx)
	engineCtx, stopEngine := context.WithCancel(context.WithoutCancel(ctx))
	defer stopEngine()
	claimCtx, stopClaims := context.WithCancel(engineCtx)
	defer stopClaims()

	var claiming, recording, keeping, showing sync.WaitGroup
	workers := &workers{Pool: p}
	workers.start()
	recorder := newRecorder(p)
	recording.Go(func() { recorder.run(engineCtx) })
	heartbeat := newHeartbeat(p, drain)
	keeping.Go(func() { heartbeat.run(engineCtx) })
	keeping.Go(func() { heartbeat.guard(engineCtx) })
	live := newLive(p)
	showing.Go(func() { live.run(engineCtx) })
	keeping.Go(func() { newReadback(p, live).run(engineCtx) })
	claimer := newClaimer(p, claimable, claimCtx, jobCtx)
	claiming.Go(claimer.run)

	<-claimable.Done()
	graceFrom := time.Now()
	close(p.stopping)
	p.config.Log.Info("claiming nothing more", "running", p.busy.Load(), "grace", p.config.Grace)
	// A claim under way is given a moment: if it is cut off, its answer is lost.
	if claimed := ended(&claiming); !within(lastClaim, claimed) {
		stopClaims()
		<-claimed
	}
	p.handBackQueued(ErrShutdown)
	close(p.jobs)

	finished := ended(&workers.group)
	if ctx.Err() == nil { // drained
		select {
		case <-finished:
		case <-ctx.Done():
		}
		graceFrom = time.Now()
	}
	stopAt := graceFrom.Add(p.config.Grace)
	if !within(time.Until(stopAt), finished) {
		p.config.Log.Info("grace is over, stopping jobs", "running", p.busy.Load())
		for _, a := range p.held.snapshot() {
			p.stop(a, ErrShutdown)
		}
		if !within(killGrace, finished) {
			for _, a := range p.held.snapshot() {
				p.abandon(a, ErrShutdown)
			}
		}
	}
	close(recorder.finish)
	if !within(time.Until(stopAt.Add(finalRecord)), ended(&recording)) {
		p.config.Log.Error("the last results could not be stored; their jobs are offered again when the lease is over", "jobs", p.held.size())
	}
	p.leave(engineCtx, stopAt.Add(signOff), claimer.unanswered)
	stopEngine()
	recording.Wait()
	keeping.Wait()
	if !within(lastLook, ended(&showing)) {
		p.config.Log.Error("the Output of a runner does not return")
	}
	claimer.idle.listens.Wait()
	return nil
}

// session is one registration of this executor.
type session struct {
	store.Session
	lost atomic.Bool // it was reaped: what it claimed is no longer ours
}

// register makes this executor known as a new one. Its lease begins.
func (p *Pool) register(ctx context.Context) error {
	c, sent := p.config, time.Now()
	s, err := p.queue.Register(ctx, store.Executor{
		Hostname: p.hostname, PID: os.Getpid(), Version: c.Version, Workers: c.Workers,
		Kinds: slices.Sorted(maps.Keys(c.Runners)), Pools: c.Pools, Batch: c.Batch, Lease: c.Lease, JobTimeout: c.JobTimeout,
	})
	if err != nil {
		return err
	}
	p.session.Store(&session{Session: s})
	p.lease.renew(sent)
	p.breaker.retell()
	c.Log.Info("executor registered", "executor", s.ID(), "workers", c.Workers)
	return nil
}

// leave hands back what still runs under this executor's id, and signs off. An
// executor that has signed off is never reaped. So it does that only when
// nothing runs and no unanswered claim is left that could still come through.
func (p *Pool) leave(ctx context.Context, until time.Time, unanswered bool) {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	s := p.session.Load()
	err := p.handBackRunning(ctx, s)
	if err == nil && !unanswered {
		err = s.Stop(ctx)
	}
	if err != nil {
		p.config.Log.Error("could not sign off; others take over when the lease is over", "error", err)
	}
	p.config.Log.Info("executor stopped", "executor", s.ID(), "jobs", p.Stats())
}

// handBackRunning hands back jobs that the database ascribes to this executor,
// until there are none. Those that are held have a result already, which the
// recorder goes on trying to store.
func (p *Pool) handBackRunning(ctx context.Context, s *session) error {
	for {
		left, err := s.Running(ctx)
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
			if _, err := p.queue.Record(ctx, results); err != nil {
				return err
			}
		}
		if sleep(ctx, lockedWait/2); ctx.Err() != nil {
			return fmt.Errorf("%d jobs still run under this executor's id", len(left))
		}
	}
}
