package executor_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// After River's jitteredFetchPollInterval, for heartbeats.
func TestHeartbeatsComeInTimeAndAreJittered(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		p := start(t, m, executor.Config{Heartbeat: 5 * time.Second}, nothing)
		pass(10 * time.Minute)
		p.stop(t)
		beats := m.executors[m.order[0]].beats
		if n := len(beats); n < 115 || n > 130 {
			t.Errorf("%d heartbeats in 10 minutes", n)
		}
		different := map[time.Duration]bool{}
		for i := range beats[1:] {
			gap := beats[i+1].Sub(beats[i])
			different[gap] = true
			if gap < 4500*time.Millisecond || gap > 5500*time.Millisecond {
				t.Errorf("%s between heartbeats", gap)
			}
		}
		if len(different) < 50 {
			t.Error("no jitter")
		}
	})
}

// deaf is a database whose heartbeats fail or hang, while all else works.
type deaf struct {
	*memory
	deaf, hangs atomic.Bool
}

func (q *deaf) Heartbeat(ctx context.Context, id uuid.UUID) error {
	if q.deaf.Load() {
		if q.hangs.Load() {
			<-ctx.Done()
			return ctx.Err()
		}
		return errAway
	}
	return q.memory.Heartbeat(ctx, id)
}

// causes notes why runs ended.
type causes struct {
	mu   sync.Mutex
	list map[int64][]error
}

func (c *causes) run(ctx context.Context, j store.Job) (executor.Outcome, error) {
	select {
	case <-time.After(20 * time.Minute):
		return executor.Outcome{}, nil
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.list == nil {
		c.list = map[int64][]error{}
	}
	c.list[j.ID] = append(c.list[j.ID], context.Cause(ctx))
	return executor.Outcome{}, context.Cause(ctx)
}

func (c *causes) of(id int64) []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.list[id]
}

// After River's ResignsCurrentTermAfterReelectErrorsExhaustTrust and pg-boss's "should emit error when heartbeat timer fails".
func TestWithoutHeartbeatsClaimsStopAndMutexJobsAreStopped(t *testing.T) {
	for _, hangs := range []bool{false, true} {
		t.Run(map[bool]string{false: "refused", true: "unanswered"}[hangs], func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				q, c := &deaf{memory: newMemory()}, &causes{}
				q.hangs.Store(hangs)
				plain, keyed := q.add(1, store.Job{}), q.add(1, store.Job{MutexKey: ptr("k")})
				p := start(t, q, executor.Config{Lease: 30 * time.Second, Heartbeat: 5 * time.Second}, c.run)
				pass(time.Minute)
				last := q.executors[q.order[0]].beats
				lease := last[len(last)-1].Add(30 * time.Second) // when it is over
				q.deaf.Store(true)

				pass(time.Until(lease) - 4*time.Second)
				if len(c.of(keyed)) != 0 {
					t.Fatal("stopped while the lease can be trusted")
				}
				pass(3900 * time.Millisecond) // the lease is not over yet
				if n := len(c.of(keyed)); n != 1 {
					t.Fatalf("the mutex job was stopped %d times before the lease was over", n)
				}
				q.add(10, store.Job{})
				q.add(1, store.Job{MutexKey: ptr("l")})
				claims := len(q.claimed())
				pass(5 * time.Minute)
				if n := len(q.claimed()) - claims; n != 0 {
					t.Errorf("%d claims without a lease", n)
				}
				if n := len(c.of(keyed)); n != 1 {
					t.Errorf("the mutex job was stopped %d times", n)
				}
				if n := len(c.of(plain)); n != 0 {
					t.Error("the job without a mutex key was stopped")
				}
				if h := q.history(keyed); len(h) != 1 || h[0].Outcome != store.Interrupted {
					t.Errorf("history is %+v", h)
				}

				q.deaf.Store(false)
				pass(10 * time.Second)
				if len(q.claimed()) == claims {
					t.Error("claims do not resume")
				}
				if n := q.rows[keyed].Attempt; n != 2 {
					t.Errorf("the mutex job was claimed %d times, want 2", n)
				}
				p.stop(t)
				q.check(t)
			})
		})
	}
}

// slowBeat answers heartbeats late.
type slowBeat struct{ *deaf }

func (q slowBeat) Heartbeat(ctx context.Context, id uuid.UUID) error {
	err := q.deaf.Heartbeat(ctx, id)
	if err == nil {
		<-time.After(4500 * time.Millisecond)
	}
	return err
}

// After River's SlowSuccessfulReelectDoesNotExtendTrustWindow: the lease counts from when a heartbeat was sent.
func TestALateAnswerToAHeartbeatDoesNotExtendTheTrust(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, c := slowBeat{&deaf{memory: newMemory()}}, &causes{}
		keyed := q.add(1, store.Job{MutexKey: ptr("k")})
		p := start(t, q, executor.Config{Lease: 30 * time.Second, Heartbeat: 5 * time.Second}, c.run)
		pass(time.Minute)
		q.deaf.deaf.Store(true)
		pass(5 * time.Second) // the answer under way has come
		beats := q.executors[q.order[0]].beats
		pass(time.Until(beats[len(beats)-1].Add(30*time.Second)) - 100*time.Millisecond)
		if n := len(c.of(keyed)); n != 1 {
			t.Errorf("the mutex job was stopped %d times before the lease was over", n)
		}
		q.deaf.deaf.Store(false)
		p.stop(t)
	})
}

// A claim that is answered when the lease cannot be trusted any more.
func TestAJobClaimedWithoutATrustedLeaseDoesNotBegin(t *testing.T) {
	for name, job := range map[string]store.Job{"with a mutex key": {MutexKey: ptr("k")}, "without one": {}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				q := &slowAnswer{memory: newMemory()}
				d := &deaf{memory: q.memory}
				g := &gauge{}
				p := start(t, mixed{Queue: q, heartbeat: d.Heartbeat}, executor.Config{}, g.around(takes(time.Hour)))
				pass(time.Second)
				d.deaf.Store(true)
				q.delay.Store(int64(time.Minute))
				id := q.add(1, job)
				pass(90 * time.Second)
				if h := q.history(id); g.begun(id) != 0 || len(h) != 1 || h[0].Outcome != store.Interrupted {
					t.Errorf("begun %d times, history is %+v", g.begun(id), h)
				}
				p.stop(t)
				q.check(t)
			})
		})
	}
}

// mixed is a Queue whose methods come from several.
type mixed struct {
	executor.Queue
	claim     func(context.Context, uuid.UUID, int) ([]store.Job, error)
	heartbeat func(context.Context, uuid.UUID) error
}

func (q mixed) Claim(ctx context.Context, id uuid.UUID, n int) ([]store.Job, error) {
	if q.claim == nil {
		return q.Queue.Claim(ctx, id, n)
	}
	return q.claim(ctx, id, n)
}

func (q mixed) Heartbeat(ctx context.Context, id uuid.UUID) error {
	if q.heartbeat == nil {
		return q.Queue.Heartbeat(ctx, id)
	}
	return q.heartbeat(ctx, id)
}

// After Solid Queue's "terminate on heartbeat when unregistered" and Oban's "conceding leadership after another node takes over the lease".
func TestAReapedExecutorDropsItsJobsAndStartsOverUnderANewId(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, c := newMemory(), &causes{}
		first := m.add(3, store.Job{})
		p := start(t, m, executor.Config{}, c.run)
		pass(3 * time.Second)
		old := m.reapNow()
		m.do(func() { // nobody claims them again for now
			for id := first; id < first+3; id++ {
				m.rows[id].runAt = time.Now().Add(time.Hour)
			}
		})
		pass(10 * time.Second)
		for id := first; id < first+3; id++ {
			if got := c.of(id); len(got) == 0 || got[0] != executor.ErrLost {
				t.Errorf("job %d was stopped by %v", id, got)
			}
			if h := m.history(id); len(h) != 1 || h[0].Outcome != store.Lost {
				t.Errorf("job %d has the history %+v", id, h)
			}
		}
		if n := len(m.order); n != 2 {
			t.Fatalf("registered %d times", n)
		}
		if s := p.Stats(); s.Refused != 3 {
			t.Errorf("stats are %+v", s)
		}
		for _, c := range m.claimed() {
			if c.executor == old && c.at.After(time.Now().Add(-5*time.Second)) {
				t.Error("claimed under the old id")
			}
		}
		p.stop(t)
		m.check(t)
	})
}

// blind is a database that does not answer what runs.
type blind struct{ *memory }

func (blind) Running(context.Context, uuid.UUID) ([]store.Running, error) { return nil, errAway }

// Mostly the read-back finds first that the jobs were taken away; here it cannot.
func TestAReapedExecutorDropsWhatTheReadBackDoesNotSee(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, c := newMemory(), &causes{}
		id := m.add(1, store.Job{})
		p := start(t, blind{m}, executor.Config{}, c.run)
		pass(3 * time.Second)
		m.reapNow()
		m.do(func() { m.rows[id].runAt = time.Now().Add(time.Hour) })
		pass(10 * time.Second)
		if got := c.of(id); len(got) != 1 || got[0] != executor.ErrLost {
			t.Errorf("stopped by %v", got)
		}
		p.stop(t)
		m.check(t)
	})
}

func TestALateResultGoesOutUnderTheOldId(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := &recorder{memory: newMemory()}
		id := q.add(1, store.Job{})
		p := start(t, q, executor.Config{}, func(ctx context.Context, j store.Job) (executor.Outcome, error) {
			if j.Attempt > 1 {
				return executor.Outcome{}, nil
			}
			<-ctx.Done()
			<-time.After(time.Second)
			return executor.Outcome{}, nil // success after all, but too late
		})
		pass(time.Second)
		old := q.reapNow()
		until(t, time.Minute, "the job succeeds", func() bool { return q.states()["succeeded"] == 1 })
		pass(time.Second)
		var late int
		for _, results := range q.calls {
			for _, r := range results {
				if r.Attempt == 1 {
					late++
					if r.Executor != old {
						t.Error("the late result carries another executor")
					}
				}
			}
		}
		if h := q.history(id); late != 1 || h[0].Outcome != store.Lost || h[len(h)-1].Outcome != store.Succeeded {
			t.Errorf("%d late results, history is %+v", late, h)
		}
		if s := p.Stats(); s.Refused != 1 {
			t.Errorf("stats are %+v", s)
		}
		p.stop(t)
		q.check(t)
	})
}

// A claim under way while the executor is reaped: either its jobs were taken
// away with the others, or it came through later and nobody will take them.
func TestAClaimUnderWayWhileReapedBeginsNothing(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(map[bool]string{false: "committed before", true: "committed after"}[late], func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				m, g := newMemory(), &gauge{}
				var slow atomic.Bool
				claim := func(ctx context.Context, id uuid.UUID, n int) ([]store.Job, error) {
					if !slow.Load() {
						return m.Claim(ctx, id, n)
					}
					if late {
						<-time.After(20 * time.Second)
					}
					jobs, err := m.Claim(ctx, id, n)
					if !late {
						<-time.After(20 * time.Second)
					}
					return jobs, err
				}
				p := start(t, mixed{Queue: m, claim: claim}, executor.Config{}, g.around(func(ctx context.Context, j store.Job) (executor.Outcome, error) {
					if j.Attempt == 1 {
						t.Error("a claim of the old id began")
					}
					return executor.Outcome{}, nil
				}))
				pass(time.Second)
				id := m.add(1, store.Job{})
				slow.Store(true)
				pass(time.Second)
				m.reapNow()
				pass(15 * time.Second)
				slow.Store(false)
				until(t, time.Minute, "the job succeeds", func() bool { return m.states()["succeeded"] == 1 })
				if h := m.history(id); len(h) != 2 || (h[0].Outcome == store.Lost) == late {
					t.Errorf("history is %+v", h)
				}
				p.stop(t)
				m.check(t)
			})
		})
	}
}

// failsOnce refuses the first registrations after the first.
type failsOnce struct {
	*memory
	registered atomic.Int64
}

func (q *failsOnce) Register(ctx context.Context, e store.Executor) error {
	if n := q.registered.Add(1); n > 1 && n < 5 {
		return errAway
	}
	return q.memory.Register(ctx, e)
}

func TestRegisteringAgainIsRepeated(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := &failsOnce{memory: newMemory()}
		p := start(t, q, executor.Config{}, nothing)
		pass(time.Second)
		q.reapNow()
		pass(7 * time.Second)
		q.add(5, store.Job{})
		until(t, 10*time.Second, "the jobs succeed", func() bool { return q.states()["succeeded"] == 5 })
		if n := q.registered.Load(); n != 5 {
			t.Errorf("registered %d times, want 5", n)
		}
		p.stop(t)
		q.check(t)
	})
}

// frozen is a process that stands still: every call waits until it goes on.
type frozen struct {
	*memory
	mu   sync.Mutex
	thaw chan struct{}
}

func (q *frozen) wait() {
	q.mu.Lock()
	thaw := q.thaw
	q.mu.Unlock()
	if thaw != nil {
		<-thaw
	}
}

func (q *frozen) Heartbeat(ctx context.Context, id uuid.UUID) error {
	q.wait()
	return q.memory.Heartbeat(context.WithoutCancel(ctx), id)
}

func (q *frozen) Running(ctx context.Context, id uuid.UUID) ([]store.Running, error) {
	q.wait()
	return q.memory.Running(context.WithoutCancel(ctx), id)
}

func TestAFrozenProcessDoesNotReapAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := &frozen{memory: newMemory()}
		p := start(t, q, executor.Config{Lease: 30 * time.Second}, nothing)
		other := uuid.New()
		if err := q.Register(context.Background(), store.Executor{ID: other, Lease: 30 * time.Second}); err != nil {
			t.Fatal(err)
		}
		// All stand still, the other too, for ten minutes.
		pass(time.Minute - 31*time.Second)
		q.do(func() { q.executors[other].beat = time.Now() })
		q.mu.Lock()
		q.thaw = make(chan struct{})
		q.mu.Unlock()
		pass(10 * time.Minute)
		q.mu.Lock()
		close(q.thaw)
		q.thaw = nil
		q.mu.Unlock()
		pass(20 * time.Second)
		if q.executors[other].reaped {
			t.Fatal("reaped before the other could show a sign of life")
		}
		until(t, time.Minute, "the other, which stays silent, is reaped", func() bool {
			q.mu.Lock()
			defer q.mu.Unlock()
			return q.memory.executors[other].reaped
		})
		p.stop(t)
	})
}

// After pg-boss's "should fail job by heartbeat timeout when no heartbeat is sent".
func TestADeadExecutorIsReapedWithinItsLeaseAndTwoHeartbeats(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		p := start(t, m, executor.Config{Lease: 30 * time.Second, Heartbeat: 5 * time.Second}, nothing)
		pass(2 * time.Minute)
		dead := uuid.New()
		if err := m.Register(context.Background(), store.Executor{ID: dead, Lease: 30 * time.Second}); err != nil {
			t.Fatal(err)
		}
		m.add(1, store.Job{})
		if jobs, _ := m.Claim(context.Background(), dead, 1); len(jobs) != 1 {
			t.Fatal("nothing to lose")
		}
		until(t, 40*time.Second, "the job succeeds after all", func() bool { return m.states()["succeeded"] == 1 })
		p.stop(t)
		m.check(t)
	})
}

func TestAnExecutorReapsOnlyAfterALeaseOfUnbrokenContact(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := &deaf{memory: newMemory()}
		dead := uuid.New()
		if err := q.Register(context.Background(), store.Executor{ID: dead, Lease: 30 * time.Second}); err != nil {
			t.Fatal(err)
		}
		p := start(t, q, executor.Config{Lease: 30 * time.Second, Heartbeat: 5 * time.Second}, nothing)
		reaped := func() bool {
			q.mu.Lock()
			defer q.mu.Unlock()
			return q.executors[dead].reaped
		}
		pass(25 * time.Second)
		q.deaf.Store(true)
		pass(6 * time.Second)
		q.deaf.Store(false)
		pass(29 * time.Second)
		if reaped() {
			t.Fatal("reaped although the contact was broken")
		}
		until(t, 20*time.Second, "it is reaped", reaped)
		p.stop(t)
	})
}

func TestACancelStopsTheJobWithinFiveSeconds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, c := newMemory(), &causes{}
		id := m.add(2, store.Job{})
		p := start(t, m, executor.Config{Lease: time.Minute, Heartbeat: 30 * time.Second}, c.run)
		pass(10 * time.Second)
		m.do(func() { m.rows[id].cancel = true })
		until(t, 5*time.Second, "the job is cancelled", func() bool { return m.states()["cancelled"] == 1 })
		if got := c.of(id); len(got) != 1 || got[0] != executor.ErrCancelled {
			t.Errorf("stopped by %v", got)
		}
		if n := len(c.of(id + 1)); n != 0 {
			t.Error("the other job was stopped too")
		}
		p.stop(t)
		m.check(t)
	})
}

func TestAJobThatWasTakenAwayIsStopped(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, c := newMemory(), &causes{}
		id := m.add(2, store.Job{})
		p := start(t, m, executor.Config{}, c.run)
		pass(3 * time.Second)
		m.do(func() { // somebody else claimed it
			m.rows[id].Attempt++
			m.rows[id].Executor = uuid.New()
		})
		pass(3 * time.Second)
		if got := c.of(id); len(got) != 1 || got[0] != executor.ErrLost {
			t.Errorf("stopped by %v", got)
		}
		if n := len(c.of(id + 1)); n != 0 {
			t.Error("the other job was stopped too")
		}
		if s := p.Stats(); s.Refused != 1 {
			t.Errorf("stats are %+v", s)
		}
		p.stop(t)
	})
}

// forgetful loses the answer of every claim that finds jobs with the tag lost.
type forgetful struct {
	*memory
	lost  atomic.Int64
	takes time.Duration
}

func (q *forgetful) Claim(ctx context.Context, id uuid.UUID, n int) ([]store.Job, error) {
	jobs, err := q.memory.Claim(ctx, id, n)
	if q.takes > 0 {
		<-time.After(q.takes)
	}
	for _, j := range jobs {
		if j.Tag == "lost" && j.Attempt == 1 {
			q.lost.Add(int64(len(jobs)))
			return nil, errors.New("connection reset by peer")
		}
	}
	return jobs, err
}

func (q *forgetful) ClaimSuspect(ctx context.Context, id uuid.UUID) ([]store.Job, error) {
	jobs, err := q.memory.ClaimSuspect(ctx, id)
	if len(jobs) > 0 && jobs[0].Attempt == 1 {
		q.lost.Add(1)
		return nil, errors.New("connection reset by peer")
	}
	return jobs, err
}

func TestAClaimWhoseAnswerWasLostIsHandedBackOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, g := &forgetful{memory: newMemory()}, &gauge{}
		first := q.add(3, store.Job{Tag: "lost"})
		p := start(t, q, executor.Config{}, g.around(takes(time.Second)))
		until(t, 15*time.Second, "all jobs succeed", func() bool { return q.states()["succeeded"] == 3 })
		for id := first; id < first+3; id++ {
			if h := q.history(id); len(h) != 2 || h[0].Outcome != store.Interrupted {
				t.Errorf("history is %+v", h)
			}
		}
		g.each(t, first, 3, 1)
		if s := p.Stats(); s.Refused != 0 || s.Recorded[store.Interrupted] != 3 {
			t.Errorf("stats are %+v", s)
		}
		p.stop(t)
		q.check(t)
	})
}

// Until it is handed back it is not held here, so others run meanwhile; then it
// runs alone after all.
func TestAClaimOfASuspectWhoseAnswerWasLostIsHandedBackOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, g := &forgetful{memory: newMemory()}, &gauge{}
		suspect := q.add(1, store.Job{Crashes: 2})
		others := q.add(20, store.Job{})
		p := start(t, q, executor.Config{}, g.around(takes(time.Second)))
		until(t, 2*time.Minute, "all jobs succeed", func() bool { return q.states()["succeeded"] == 21 })
		if h := q.history(suspect); len(h) != 2 || h[0].Outcome != store.Interrupted {
			t.Errorf("history is %+v", h)
		}
		g.each(t, suspect, 1, 1)
		g.each(t, others, 20, 1)
		if s := p.Stats(); q.lost.Load() != 1 || s.Refused != 0 || s.Recorded[store.Interrupted] != 1 {
			t.Errorf("stats are %+v, %d were lost", s, q.lost.Load())
		}
		p.stop(t)
		q.check(t)
	})
}

// The same while claims are always under way and records are slow: no job that
// is merely on its way here may be taken for lost, none may be handed back
// twice.
// After River's CompletesJobWhileFetchingNewOnes.
func TestLostAnswersAmongClaimsThatAreConstantlyUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, g := &forgetful{memory: newMemory(), takes: 300 * time.Millisecond}, &gauge{}
		slow := &recorder{memory: q.memory, takes: 3 * time.Second}
		var first int64
		for i := range 30 {
			first = q.add(40, store.Job{}) - int64(i*40)
			if i%10 == 9 {
				q.do(func() { q.rows[q.last].Tag = "lost" })
			}
		}
		p := start(t, mixed{Queue: slow, claim: q.Claim}, executor.Config{Workers: 8}, g.around(takes(50*time.Millisecond)))
		until(t, 10*time.Minute, "all jobs succeed", func() bool { return q.states()["succeeded"] == 1200 })
		if q.lost.Load() == 0 {
			t.Error("no answer was lost")
		}
		g.each(t, first, 1200, 1)
		if s := p.Stats(); s.Refused != 0 || s.Recorded[store.Interrupted] != q.lost.Load() {
			t.Errorf("stats are %+v, %d were lost", s, q.lost.Load())
		}
		p.stop(t)
		q.check(t)
	})
}

// A reap or an operator can make a job pending that still runs here.
func TestAJobHeldHereIsNotStartedAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, g := newMemory(), &gauge{}
		id := m.add(1, store.Job{})
		p := start(t, m, executor.Config{}, g.around(func(ctx context.Context, j store.Job) (executor.Outcome, error) {
			<-ctx.Done()
			<-time.After(2 * time.Second)
			return executor.Outcome{}, ctx.Err()
		}))
		pass(time.Second)
		m.do(func() { m.release(m.rows[id], 0) })
		pass(3 * time.Second)
		if n := m.rows[id].Attempt; n > 3 {
			t.Errorf("claimed %d times in 3 s", n)
		}
		until(t, time.Minute, "it begins again", func() bool { return g.begun(id) == 2 })
		if g.twice {
			t.Error("it ran twice at the same time")
		}
		p.stop(t)
	})
}
