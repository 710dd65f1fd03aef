package executor_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

func TestClaimSuspectRunsItAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := newMemory()
		q.add(3, store.Job{Tag: "before"})
		q.add(2, store.Job{Tag: "suspect", Crashes: 2})
		q.add(20, store.Job{Tag: "after"})
		var running, beside atomic.Int64
		p := start(t, q, executor.Config{Workers: 3}, func(ctx context.Context, job *store.Job) (executor.Report, error) {
			n := running.Add(1)
			defer running.Add(-1)
			<-time.After(time.Second)
			if job.Tag == "suspect" && (n > 1 || running.Load() > 1) {
				beside.Add(1)
			}
			return executor.Report{}, nil
		})
		<-time.After(time.Minute)
		synctest.Wait()
		if n := beside.Load(); n > 0 {
			t.Errorf("%d suspects had another job beside them", n)
		}
		if n := p.Stats().Recorded[store.Succeeded]; n != 25 {
			t.Errorf("%d of 25 jobs succeeded", n)
		}
		p.stop(t)
	})
}

func TestClaimSuspectDoesNotWaitForLongJobs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := newMemory()
		q.add(1, store.Job{Tag: "long"})
		p := start(t, q, executor.Config{Workers: 2}, func(ctx context.Context, job *store.Job) (executor.Report, error) {
			if job.Tag == "long" {
				<-time.After(45 * time.Minute)
			}
			return executor.Report{}, nil
		})
		<-time.After(time.Second)
		q.add(1, store.Job{Tag: "suspect", Crashes: 2})
		q.add(5, store.Job{Tag: "short"})
		<-time.After(5 * time.Minute)
		synctest.Wait()
		if n := p.Stats().Recorded[store.Succeeded]; n != 5 {
			t.Errorf("%d jobs succeeded beside the long one, want the 5 short ones", n)
		}
		// Its patience grows, so the suspect gets its turn.
		<-time.After(90 * time.Minute)
		synctest.Wait()
		if n := p.Stats().Recorded[store.Succeeded]; n != 7 {
			t.Errorf("%d of 7 jobs succeeded in the end", n)
		}
		p.stop(t)
	})
}
