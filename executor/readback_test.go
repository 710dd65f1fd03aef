package executor_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

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

func (q *frozen) heartbeat(ctx context.Context, s store.Session) (bool, error) {
	q.wait()
	return s.Heartbeat(context.WithoutCancel(ctx))
}

func (q *frozen) running(ctx context.Context, s store.Session) ([]store.Running, error) {
	q.wait()
	return s.Running(context.WithoutCancel(ctx))
}

func TestReapWaitsAfterTheProcessWasFrozen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := &frozen{memory: newMemory()}
		p := start(t, mixed{Queue: q, heartbeat: q.heartbeat, running: q.running}, executor.Config{Lease: 30 * time.Second}, nothing)
		other := q.register(t)
		// All stand still, the other too, for ten minutes.
		pass(29 * time.Second)
		q.do(func() { other.beat = time.Now() })
		q.mu.Lock()
		q.thaw = make(chan struct{})
		q.mu.Unlock()
		pass(10 * time.Minute)
		q.mu.Lock()
		close(q.thaw)
		q.thaw = nil
		q.mu.Unlock()
		pass(20 * time.Second)
		if q.memory.gone(other) {
			t.Fatal("reaped before the other could show a sign of life")
		}
		until(t, time.Minute, "the other, which stays silent, is reaped", func() bool { return q.memory.gone(other) })
		p.stop(t)
	})
}

// After pg-boss's "should fail job by heartbeat timeout when no heartbeat is sent".
func TestReapTakesADeadExecutorWithinItsLeaseAndTwoHeartbeats(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		p := start(t, m, executor.Config{Lease: 30 * time.Second, Heartbeat: 5 * time.Second}, nothing)
		pass(2 * time.Minute)
		dead := m.register(t)
		m.add(1, store.Job{})
		if claimed, _ := dead.Claim(context.Background(), 1); len(claimed.Jobs) != 1 {
			t.Fatal("nothing to lose")
		}
		until(t, 40*time.Second, "the job succeeds after all", func() bool { return m.states()["succeeded"] == 1 })
		p.stop(t)
		m.check(t)
	})
}

func TestReapNeedsALeaseOfUnbrokenContact(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, d := newMemory(), &unheard{}
		dead := q.register(t)
		p := start(t, mixed{Queue: q, heartbeat: d.heartbeat}, executor.Config{Lease: 30 * time.Second, Heartbeat: 5 * time.Second}, nothing)
		reaped := func() bool { return q.gone(dead) }
		pass(25 * time.Second)
		d.fail.Store(true)
		pass(6 * time.Second)
		d.fail.Store(false)
		pass(29 * time.Second)
		if reaped() {
			t.Fatal("reaped although the contact was broken")
		}
		until(t, 20*time.Second, "it is reaped", reaped)
		p.stop(t)
	})
}

func TestReadbackStopsACancelledJobWithinFiveSeconds(t *testing.T) {
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

func TestReadbackStopsAJobThatWasTakenAway(t *testing.T) {
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

func TestReadbackHandsBackAnUnansweredClaimOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, g := &forgetful{memory: newMemory()}, &gauge{}
		first := q.add(3, store.Job{Tag: "lost"})
		p := start(t, mixed{Queue: q, claim: q.claim}, executor.Config{}, g.around(takes(time.Second)))
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
func TestReadbackHandsBackAnUnansweredSuspectOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, g := &forgetful{memory: newMemory()}, &gauge{}
		suspect := q.add(1, store.Job{Crashes: 2})
		others := q.add(20, store.Job{})
		p := start(t, mixed{Queue: q, claimSuspect: q.claimSuspect}, executor.Config{}, g.around(takes(time.Second)))
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
func TestReadbackTellsLostAnswersFromClaimsUnderWay(t *testing.T) {
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
		p := start(t, mixed{Queue: slow, claim: q.claim}, executor.Config{Workers: 8}, g.around(takes(50*time.Millisecond)))
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
