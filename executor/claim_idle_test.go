package executor_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// startTimes returns a Runner that notes when each job began.
func startTimes() (executor.RunnerFunc, chan time.Time) {
	began := make(chan time.Time, 100)
	return func(context.Context, *store.Job) (executor.Report, error) {
		began <- time.Now()
		return executor.Report{}, nil
	}, began
}

func TestListenWakesAnIdleExecutor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := newMemory()
		run, began := startTimes()
		p := start(t, q, executor.Config{PollInterval: time.Minute, Lease: time.Hour, Heartbeat: time.Minute}, run)
		for range 5 {
			pass(10 * time.Second)
			inserted := time.Now()
			q.insert(store.Job{})
			if late := (<-began).Sub(inserted); late != 0 {
				t.Errorf("the job began %s after its insert, want at once", late)
			}
		}
		p.stop(t)
	})
}

// What is inserted before the flag is up is not announced: it must be found by
// the claim that follows.
func TestListenFindsAJobInsertedWhileItBegins(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, inserted := newMemory(), time.Time{}
		q := mixed{Queue: m, listen: func(ctx context.Context, s store.Session, listening, notified func()) error {
			if inserted.IsZero() {
				inserted = time.Now()
				m.add(1, store.Job{})
			}
			return s.Listen(ctx, listening, notified)
		}}
		run, began := startTimes()
		p := start(t, q, executor.Config{PollInterval: time.Hour, Lease: 10 * time.Hour, Heartbeat: time.Hour}, run)
		if at := <-began; !at.Equal(inserted) {
			t.Errorf("the job began %s after its insert, want at once", at.Sub(inserted))
		}
		p.stop(t)
	})
}

// The new job goes first: UNLISTEN is a round trip that it would wait for.
func TestListenEndsAfterTheClaimThatANotificationCaused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		var listening context.Context // of the latest Listen
		var during bool               // it was still listening when a claim got jobs
		q := mixed{
			Queue: m,
			listen: func(ctx context.Context, s store.Session, up, notified func()) error {
				m.do(func() { listening = ctx })
				return s.Listen(ctx, up, notified)
			},
			claim: func(ctx context.Context, s store.Session, n int) (claimed store.Claimed, err error) {
				claimed, err = s.Claim(ctx, n)
				m.do(func() { during = during || len(claimed.Jobs) > 0 && listening.Err() == nil })
				return claimed, err
			},
		}
		run, began := startTimes()
		p := start(t, q, executor.Config{}, run)
		pass(time.Second)
		m.insert(store.Job{})
		<-began
		p.stop(t)
		if !during {
			t.Error("it stopped listening before the claim")
		}
	})
}

// The new job may be another executor's by then, or not for this one.
func TestListenGoesOnAfterANotificationForNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := newMemory()
		run, began := startTimes()
		p := start(t, q, executor.Config{PollInterval: time.Minute, Lease: time.Hour, Heartbeat: time.Minute}, run)
		for range 5 {
			pass(time.Second)
			q.announce()
		}
		pass(time.Second)
		inserted := time.Now()
		q.insert(store.Job{})
		if late := (<-began).Sub(inserted); late != 0 {
			t.Errorf("the job began %s after its insert, want at once", late)
		}
		p.stop(t)
	})
}

// A notification takes a lock of the whole database when the producer commits,
// so a stream of jobs must find the executor polling only.
func TestListenDoesNotBeginInAStreamOfJobs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := newMemory()
		run, began := startTimes()
		p := start(t, q, executor.Config{}, run)
		pass(time.Second)
		synctest.Wait()
		q.mu.Lock()
		before := len(q.listens)
		q.mu.Unlock()
		for range 1000 {
			pass(5 * time.Millisecond)
			q.insert(store.Job{})
			<-began
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		if more := len(q.listens) - before; more > 0 {
			t.Errorf("it began to listen %d times in a stream of 1000 jobs", more)
		}
		if q.notify != nil {
			t.Error("it goes on listening in a stream")
		}
		p.cancel()
	})
}

// LISTEN costs more than a claim. And no result is a reason to look for jobs while
// those that are new are announced.
func TestListenGoesOnWhileJobsTrickleIn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := newMemory()
		run, began := startTimes()
		p := start(t, q, executor.Config{PollInterval: time.Minute, Lease: time.Hour, Heartbeat: time.Minute}, run)
		pass(3 * time.Minute)
		count := func() (listens, claims int) {
			q.mu.Lock()
			defer q.mu.Unlock()
			return len(q.listens), len(q.claims)
		}
		listens, claims := count()
		for range 20 {
			pass(50 * time.Millisecond)
			inserted := time.Now()
			q.insert(store.Job{})
			if late := (<-began).Sub(inserted); late != 0 {
				t.Errorf("the job began %s after its insert, want at once", late)
			}
		}
		moreListens, moreClaims := count()
		if moreListens > listens || moreClaims-claims > 21 {
			t.Errorf("for 20 jobs it began to listen %d times and claimed %d times, want 0 and 20", moreListens-listens, moreClaims-claims)
		}
		p.stop(t)
	})
}

// A job that waits for another is announced before it can run.
func TestListenEndsNoWaitForAMutexKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, key := newMemory(), "k"
		var ended []time.Time
		began := make(chan time.Time, 10)
		p := start(t, q, executor.Config{PollInterval: time.Minute, Lease: time.Hour, Heartbeat: time.Minute}, func(context.Context, *store.Job) (executor.Report, error) {
			began <- time.Now()
			pass(time.Second)
			ended = append(ended, time.Now())
			return executor.Report{}, nil
		})
		pass(3 * time.Minute)
		q.insert(store.Job{MutexKey: &key})
		<-began
		pass(100 * time.Millisecond)
		q.insert(store.Job{MutexKey: &key})
		if at := <-began; !at.Equal(ended[0]) {
			t.Errorf("the second job began %s after the first had ended, want at once", at.Sub(ended[0]))
		}
		p.stop(t)
	})
}

func TestListenThatFailsLeavesThePolls(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, tries := newMemory(), 0
		q := mixed{Queue: m, listen: func(context.Context, store.Session, func(), func()) error {
			tries++
			return errors.New("no connection is left for that")
		}}
		run, began := startTimes()
		p := start(t, q, executor.Config{PollInterval: time.Second}, run)
		pass(time.Minute)
		inserted := time.Now()
		m.insert(store.Job{})
		if late := (<-began).Sub(inserted); late > 1100*time.Millisecond {
			t.Errorf("the job began %s after its insert, want within a poll", late)
		}
		p.stop(t)
		if tries < 2 || tries > 60 {
			t.Errorf("it tried to listen %d times in a minute", tries)
		}
	})
}

// Nobody announces a job that becomes due.
func TestListenDoesNotEndThePolls(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := newMemory()
		run, began := startTimes()
		p := start(t, q, executor.Config{PollInterval: time.Second}, run)
		pass(10 * time.Second)
		inserted := time.Now()
		q.add(1, store.Job{})
		if late := (<-began).Sub(inserted); late > 1100*time.Millisecond {
			t.Errorf("the job began %s after its insert, want within a poll", late)
		}
		p.stop(t)
	})
}
