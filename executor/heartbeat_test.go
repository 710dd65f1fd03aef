package executor_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// After River's jitteredFetchPollInterval, for heartbeats.
func TestHeartbeatComesInTimeAndIsJittered(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		p := start(t, m, executor.Config{Heartbeat: 5 * time.Second}, nothing)
		pass(10 * time.Minute)
		p.stop(t)
		beats := m.sessions[0].beats
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

// causes notes why runs ended.
type causes struct {
	mu   sync.Mutex
	list map[int64][]error
}

func (c *causes) run(ctx context.Context, j *store.Job) (executor.Report, error) {
	select {
	case <-time.After(20 * time.Minute):
		return executor.Report{}, nil
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.list == nil {
		c.list = map[int64][]error{}
	}
	c.list[j.ID] = append(c.list[j.ID], context.Cause(ctx))
	return executor.Report{}, context.Cause(ctx)
}

func (c *causes) of(id int64) []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.list[id]
}

// After River's ResignsCurrentTermAfterReelectErrorsExhaustTrust and pg-boss's "should emit error when heartbeat timer fails".
func TestHeartbeatsThatFailStopClaimsAndMutexJobs(t *testing.T) {
	for _, hangs := range []bool{false, true} {
		t.Run(map[bool]string{false: "refused", true: "unanswered"}[hangs], func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				q, d, c := newMemory(), &unheard{}, &causes{}
				d.hang.Store(hangs)
				plain, keyed := q.add(1, store.Job{}), q.add(1, store.Job{MutexKey: ptr("k")})
				p := start(t, mixed{Queue: q, heartbeat: d.heartbeat}, executor.Config{Lease: 30 * time.Second, Heartbeat: 5 * time.Second}, c.run)
				pass(time.Minute)
				last := q.sessions[0].beats
				lease := last[len(last)-1].Add(30 * time.Second) // when it is over
				d.fail.Store(true)

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

				d.fail.Store(false)
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

// After River's SlowSuccessfulReelectDoesNotExtendTrustWindow: the lease counts from when a heartbeat was sent.
func TestHeartbeatAnsweredLateDoesNotExtendTheTrust(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, d, c := newMemory(), &unheard{}, &causes{}
		slow := func(ctx context.Context, s store.Session) (bool, error) {
			drain, err := d.heartbeat(ctx, s)
			if err == nil {
				<-time.After(4500 * time.Millisecond)
			}
			return drain, err
		}
		keyed := q.add(1, store.Job{MutexKey: ptr("k")})
		p := start(t, mixed{Queue: q, heartbeat: slow}, executor.Config{Lease: 30 * time.Second, Heartbeat: 5 * time.Second}, c.run)
		pass(time.Minute)
		d.fail.Store(true)
		pass(5 * time.Second) // the answer under way has come
		beats := q.sessions[0].beats
		pass(time.Until(beats[len(beats)-1].Add(30*time.Second)) - 100*time.Millisecond)
		if n := len(c.of(keyed)); n != 1 {
			t.Errorf("the mutex job was stopped %d times before the lease was over", n)
		}
		d.fail.Store(false)
		p.stop(t)
	})
}

// After Solid Queue's "terminate on heartbeat when unregistered" and Oban's "conceding leadership after another node takes over the lease".
func TestHeartbeatOfAReapedExecutorDropsItsJobsAndStartsOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, c := newMemory(), &causes{}
		first := m.add(3, store.Job{})
		p := start(t, m, executor.Config{}, c.run)
		pass(3 * time.Second)
		old := m.reapNow()
		m.do(func() { // nobody claims them again for now
			for id := first; id < first+3; id++ {
				m.rows[id].RunAt = time.Now().Add(time.Hour)
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
		if n := len(m.sessions); n != 2 {
			t.Fatalf("registered %d times", n)
		}
		if s := p.Stats(); s.Refused != 3 {
			t.Errorf("stats are %+v", s)
		}
		for _, c := range m.claimed() {
			if c.session == old && c.at.After(time.Now().Add(-5*time.Second)) {
				t.Error("claimed under the old id")
			}
		}
		p.stop(t)
		m.check(t)
	})
}

// Mostly the read-back finds first that the jobs were taken away; here it cannot.
func TestHeartbeatOfAReapedExecutorDropsWhatReadbackDoesNotSee(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, c := newMemory(), &causes{}
		id := m.add(1, store.Job{})
		blind := mixed{Queue: m, running: func(context.Context, store.Session) ([]store.Running, error) { return nil, errAway }}
		p := start(t, blind, executor.Config{}, c.run)
		pass(3 * time.Second)
		m.reapNow()
		m.do(func() { m.rows[id].RunAt = time.Now().Add(time.Hour) })
		pass(10 * time.Second)
		if got := c.of(id); len(got) != 1 || got[0] != executor.ErrLost {
			t.Errorf("stopped by %v", got)
		}
		p.stop(t)
		m.check(t)
	})
}

// failsOnce refuses the first registrations after the first.
type failsOnce struct {
	*memory
	registered atomic.Int64
}

func (q *failsOnce) Register(ctx context.Context, e store.Executor) (store.Session, error) {
	if n := q.registered.Add(1); n > 1 && n < 5 {
		return nil, errAway
	}
	return q.memory.Register(ctx, e)
}

func TestHeartbeatRegistersAgainUntilThatSucceeds(t *testing.T) {
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
