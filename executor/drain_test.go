package executor_test

import (
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// drain asks all executors of the queue to end.
func (m *memory) drain() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sessions {
		s.drained = true
	}
}

func TestDrainClaimsNothingMoreAndWaitsForWhatRuns(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		m.add(1000, store.Job{})
		p := start(t, m, executor.Config{Workers: 4, Grace: time.Second, Heartbeat: 5 * time.Second}, takes(time.Hour))
		pass(time.Second)
		m.drain()
		pass(10 * time.Second)
		if reason := p.NotReady(); reason == "" {
			t.Error("it is still ready")
		}
		pass(time.Hour)
		select {
		case <-p.done:
		default:
			t.Fatal("it goes on though its jobs have ended")
		}
		if p.err != nil {
			t.Error(p.err)
		}
		if s := m.states(); s["succeeded"] != 4 || s["running"] != 0 || s["pending"] != 996 {
			t.Errorf("states are %v", s)
		}
		m.check(t)
	})
}

// Its grace is counted from the signal, not from when it was drained.
func TestDrainThatIsStoppedKeepsItsGrace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		m.add(8, store.Job{})
		p := start(t, m, executor.Config{Workers: 4, Grace: 10 * time.Second, Heartbeat: 5 * time.Second}, takes(68*time.Second))
		pass(time.Second)
		m.drain()
		pass(59 * time.Second)
		p.stop(t) // eight seconds are missing
		if s := m.states(); s["succeeded"] != 4 || s["pending"] != 4 {
			t.Errorf("states are %v", s)
		}
		m.check(t)
	})
}
