package executor_test

import (
	"context"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

func TestClaimTakesNoLongJobsAhead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		m.add(200, store.Job{})
		p := start(t, slowClaims(m, 5*time.Millisecond), executor.Config{Workers: 4}, takes(10*time.Second))
		for range 600 {
			pass(100 * time.Millisecond)
			if n := m.states()["running"]; n > 4 {
				t.Fatalf("%d jobs are claimed for 4 workers", n)
			}
		}
		p.stop(t)
		m.check(t)
	})
}

// After Solid Queue's "claim and process more enqueued jobs than the pool size allows".
func TestClaimTakesShortJobsAheadWithinBounds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		m.add(8_000, store.Job{})
		p := start(t, slowClaims(m, 20*time.Millisecond), executor.Config{Workers: 4}, takes(time.Millisecond/10))
		until(t, time.Minute, "all jobs succeed", func() bool { return m.states()["succeeded"] == 8_000 })
		p.stop(t)
		most := 0
		for _, c := range m.claimed() {
			most = max(most, c.n)
		}
		if most < 300 || most > 4+maxPrefetch {
			t.Errorf("the largest claim asked for %d jobs, want many, but at most %d", most, 4+maxPrefetch)
		}
		m.check(t)
	})
}

// A burst of short jobs fills the queue ahead; when long ones follow they must
// not wait here for hours while another executor is idle.
func TestClaimHandsJobsAheadBackWhenTheWorkersBecomeSlow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		short := m.add(8_000, store.Job{})
		long := m.add(500, store.Job{Tag: "long"})
		run := func(ctx context.Context, j *store.Job) (executor.Report, error) {
			if j.Tag == "long" {
				return takes(time.Hour)(ctx, j)
			}
			return takes(time.Millisecond/10)(ctx, j)
		}
		g := &gauge{}
		p := start(t, slowClaims(m, 20*time.Millisecond), executor.Config{Workers: 4, JobTimeout: 2 * time.Hour}, g.around(run))
		until(t, time.Minute, "the short jobs succeed", func() bool { return m.states()["succeeded"] == 8_000 })
		pass(3 * time.Second)
		if n := m.states()["running"]; n != 4 {
			t.Errorf("%d long jobs are claimed for 4 workers", n)
		}
		g.each(t, short, 8_000, 1)
		if m.outcomes()[store.Interrupted] == 0 {
			t.Error("nothing was handed back: the test did not test anything")
		}
		m.do(func() {
			for id := long; id < long+500; id++ {
				if m.rows[id].Failures != 0 || g.begun(id) > 1 {
					t.Errorf("job %d: %d failures, %d runs", id, m.rows[id].Failures, g.begun(id))
				}
			}
		})
		p.stop(t)
		m.check(t)
	})
}
