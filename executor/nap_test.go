package executor_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// startTimes returns a Runner that notes when each job began.
func startTimes() (executor.RunnerFunc, chan time.Time) {
	began := make(chan time.Time, 100)
	return func(context.Context, store.Job) (executor.Outcome, error) {
		began <- time.Now()
		return executor.Outcome{}, nil
	}, began
}

func TestAnIdleExecutorIsWokenForANewJob(t *testing.T) {
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
func TestAJobInsertedWhileTheExecutorFallsAsleepIsFound(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := &whileFallingAsleep{memory: newMemory()}
		run, began := startTimes()
		p := start(t, q, executor.Config{PollInterval: time.Hour, Lease: 10 * time.Hour, Heartbeat: time.Hour}, run)
		if at := <-began; !at.Equal(q.inserted) {
			t.Errorf("the job began %s after its insert, want at once", at.Sub(q.inserted))
		}
		p.stop(t)
	})
}

type whileFallingAsleep struct {
	*memory
	inserted time.Time
}

func (q *whileFallingAsleep) Nap(ctx context.Context, asleep, wake func()) error {
	if q.inserted.IsZero() {
		q.inserted = time.Now()
		q.add(1, store.Job{})
	}
	return q.memory.Nap(ctx, asleep, wake)
}

// The new job goes first: the end of the nap is a round trip that it would wait for.
func TestAWokenExecutorClaimsBeforeItsNapEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := &lightSleeper{memory: newMemory()}
		run, began := startTimes()
		p := start(t, q, executor.Config{}, run)
		pass(time.Second)
		q.insert(store.Job{})
		<-began
		if !q.asleep {
			t.Error("the nap was ended before the claim")
		}
		p.stop(t)
	})
}

// lightSleeper notes whether a claim that got jobs was made during a nap.
type lightSleeper struct {
	*memory
	nap    atomic.Pointer[context.Context]
	asleep bool
}

func (q *lightSleeper) Nap(ctx context.Context, asleep, wake func()) error {
	q.nap.Store(&ctx)
	return q.memory.Nap(ctx, asleep, wake)
}

func (q *lightSleeper) Claim(ctx context.Context, executor uuid.UUID, n int) ([]store.Job, error) {
	nap := q.nap.Load()
	jobs, err := q.memory.Claim(ctx, executor, n)
	if len(jobs) > 0 {
		q.asleep = (*nap).Err() == nil
	}
	return jobs, err
}

// The new job may be another executor's by then, or not for this one.
func TestAWakeUpForNothingIsFollowedByAnotherNap(t *testing.T) {
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

// A wake-up takes a lock of the whole database at each commit of a producer,
// so a stream of jobs must find the executor awake.
func TestAStreamOfJobsFindsTheExecutorAwake(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := newMemory()
		run, began := startTimes()
		p := start(t, q, executor.Config{}, run)
		pass(time.Second)
		synctest.Wait()
		q.mu.Lock()
		naps := len(q.naps)
		q.mu.Unlock()
		for range 1000 {
			pass(5 * time.Millisecond)
			q.insert(store.Job{})
			<-began
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		if more := len(q.naps) - naps; more > 0 {
			t.Errorf("it fell asleep %d times in a stream of 1000 jobs", more)
		}
		p.cancel()
	})
}

// deafQueue cannot listen.
type deafQueue struct {
	*memory
	tries int
}

func (q *deafQueue) Nap(context.Context, func(), func()) error {
	q.tries++
	return errors.New("no connection is left for that")
}

func TestAnExecutorThatCannotListenPolls(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := &deafQueue{memory: newMemory()}
		run, began := startTimes()
		p := start(t, q, executor.Config{PollInterval: time.Second}, run)
		pass(time.Minute)
		inserted := time.Now()
		q.insert(store.Job{})
		if late := (<-began).Sub(inserted); late > 1100*time.Millisecond {
			t.Errorf("the job began %s after its insert, want within a poll", late)
		}
		p.stop(t)
		if q.tries < 2 || q.tries > 60 {
			t.Errorf("it tried to listen %d times in a minute", q.tries)
		}
	})
}

// Polls go on during a nap: a job that becomes due is announced by nobody.
func TestASleepingExecutorPolls(t *testing.T) {
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
