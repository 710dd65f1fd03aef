package executor_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// After River's CompletionsCompletedInSubBatches: no statement stores too many.
func TestRecordStoresResultsInGroups(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := &recorder{memory: newMemory(), takes: 50 * time.Millisecond}
		q.add(4000, store.Job{})
		p := start(t, q, executor.Config{Workers: 16}, nothing)
		until(t, time.Minute, "all jobs succeed", func() bool { return q.states()["succeeded"] == 4000 })
		p.stop(t)
		if n := len(q.ids()); n > 100 {
			t.Errorf("%d statements stored 4000 results", n)
		}
		for _, ids := range q.ids() {
			if len(ids) > 1000 {
				t.Errorf("%d results in one statement", len(ids))
			}
		}
		q.check(t)
	})
}

// A slow link carries a statement within its time from the first on: to find that out
// by statements that are cut off takes ten seconds each.
func TestRecordStoresLargeResultsInSmallGroups(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const size = 60_000
		q := &recorder{memory: newMemory(), takes: 50 * time.Millisecond}
		q.add(100, store.Job{})
		p := start(t, q, executor.Config{Workers: 16}, func(context.Context, *store.Job) (executor.Report, error) {
			return executor.Report{Output: strings.Repeat("x", size)}, nil
		})
		until(t, time.Minute, "all jobs succeed", func() bool { return q.states()["succeeded"] == 100 })
		p.stop(t)
		for _, ids := range q.ids() {
			if len(ids)*size > 1_200_000 {
				t.Errorf("%d results of %d bytes in one statement", len(ids), size)
			}
		}
		q.check(t)
	})
}

func TestRecordBeginsASecondStatementOnlyWhenManyWait(t *testing.T) {
	for jobs, want := range map[int]int{400: 1, 4000: 2} {
		t.Run(fmt.Sprint(jobs), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				q := &recorder{memory: newMemory(), takes: time.Second}
				q.add(jobs, store.Job{})
				p := start(t, q, executor.Config{Workers: 1000}, nothing)
				until(t, time.Minute, "all jobs succeed", func() bool { return q.states()["succeeded"] == jobs })
				if _, most := q.statements.read(); most != want {
					t.Errorf("%d statements at the same time, want %d", most, want)
				}
				p.stop(t)
				q.check(t)
			})
		})
	}
}

// Records fail for a while while claims and heartbeats work: the worst case
// for memory, because there is always more to run.
// After River's BackpressureBeforeMaxBacklog and BackpressureReleasedAfterNonRetryableCompletionFailure: unstored results stop claims, and only so long.
func TestRecordBoundsMemoryInAnOutage(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := &recorder{memory: newMemory()}
		began := time.Now()
		q.answer = failsFor(10 * time.Minute)
		const jobs, each = 1500, 60 << 10 // bytes of output
		first := q.add(jobs, store.Job{})
		g := &gauge{}
		output := strings.Repeat("x", each)
		p := start(t, q, executor.Config{Workers: 4}, g.around(func(context.Context, *store.Job) (executor.Report, error) {
			<-time.After(time.Millisecond)
			return executor.Report{Output: output}, nil
		}))
		pass(9 * time.Minute)
		held := q.states()["running"]
		if held < 100 || held*each > 2*executor.MaxUnstored {
			t.Errorf("%d results of %d bytes are held", held, each)
		}
		claims := len(q.claimed())
		pass(time.Minute - time.Since(began)%time.Minute)
		if n := len(q.claimed()) - claims; n != 0 {
			t.Errorf("%d claims while memory is full", n)
		}
		until(t, 5*time.Minute, "all jobs are stored", func() bool { return q.states()["succeeded"] == jobs })
		g.each(t, first, jobs, 1)
		for _, ids := range q.ids() {
			if len(ids)*each > 2*(8<<20) {
				t.Errorf("%d large results in one statement", len(ids))
			}
		}
		p.stop(t)
		q.check(t)
	})
}
