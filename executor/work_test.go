package executor_test

import (
	"context"
	"encoding/json"
	"runtime"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// After River's producer MaxWorkers.
func TestWorkNeverRunsMoreJobsThanThereAreWorkers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, g := newMemory(), &gauge{}
		first := m.add(500, store.Job{})
		p := start(t, m, executor.Config{Workers: 7}, g.around(takes(30*time.Millisecond)))
		until(t, time.Minute, "all jobs succeed", func() bool { return m.states()["succeeded"] == 500 })
		p.stop(t)
		if _, most := g.read(); most != 7 {
			t.Errorf("at most %d jobs ran at once, want 7", most)
		}
		g.each(t, first, 500, 1)
		m.check(t)
		if s := p.Stats(); s.Claimed != 500 || s.Recorded[store.Succeeded] != 500 || s.Refused+s.Missing+s.Stuck != 0 {
			t.Errorf("stats are %+v", s)
		}
	})
}

func TestWorkGoesOnAfterGoexit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, g := newMemory(), &gauge{}
		bad := m.add(20, store.Job{Tag: "exit", MaxAttempts: 1})
		m.add(40, store.Job{})
		p := start(t, m, executor.Config{Workers: 3}, g.around(func(ctx context.Context, j *store.Job) (executor.Report, error) {
			if j.Tag == "exit" {
				runtime.Goexit()
			}
			return takes(time.Second)(ctx, j)
		}))
		until(t, time.Minute, "all jobs end", func() bool { s := m.states(); return s["succeeded"] == 40 && s["failed"] == 20 })
		if _, most := g.read(); most != 3 {
			t.Errorf("%d jobs ran at once, want 3", most)
		}
		r := m.history(bad)[0]
		if r.ErrorCode != "panic" || r.Error != "the runner ended its goroutine with runtime.Goexit" {
			t.Errorf("recorded %+v", r.Result)
		}
		p.stop(t)
		m.check(t)
	})
}

// A job's time begins with its run: jobs before it in the queue cost it nothing.
func TestWorkTimesAJobFromItsRunOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		m.add(20, store.Job{TimeoutSeconds: ptr(int32(1))})
		p := start(t, generous(m), executor.Config{Workers: 1}, takes(900*time.Millisecond))
		until(t, time.Minute, "all jobs succeed", func() bool { return m.states()["succeeded"] == 20 })
		p.stop(t)
		m.check(t)
	})
}

func TestWorkBeginsNothingWhileMemoryIsFull(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, g := &recorder{memory: newMemory()}, &gauge{}
		q.answer = failsFor(time.Minute)
		const jobs, each = 600, 128 << 10 // bytes of payload, which waits with its result
		payload := json.RawMessage(strings.Repeat(" ", each))
		q.add(jobs, store.Job{Payload: payload})
		p := start(t, generous(q), executor.Config{Workers: 2}, g.around(nothing))
		pass(50 * time.Second)
		if n := len(g.runs); n*each > executor.MaxUnstored+4*each || n < 100 {
			t.Errorf("%d jobs of %d bytes ran", n, each)
		}
		until(t, 5*time.Minute, "all jobs succeed", func() bool { return q.states()["succeeded"] == jobs })
		g.each(t, 1, jobs, 1)
		p.stop(t)
		q.check(t)
	})
}

// What a Runner gets is used with the library's own functions, so it must be like a
// context of the library.
func TestWorkGivesARunnerAContextLikeThoseOfTheLibrary(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		m.add(1, store.Job{TimeoutSeconds: ptr(int32(3)), MaxAttempts: 1})
		var (
			left             time.Duration
			limited          bool
			first, end, next error
			causes           []error
		)
		p := start(t, m, executor.Config{}, func(ctx context.Context, _ *store.Job) (executor.Report, error) {
			deadline, ok := ctx.Deadline()
			left, limited, first = time.Until(deadline), ok, ctx.Err()
			child, cancel := context.WithCancel(context.WithValue(ctx, new(int), 1))
			defer cancel()
			later, cancelLater := context.WithTimeout(ctx, time.Hour)
			defer cancelLater()
			<-child.Done()
			end, next = ctx.Err(), later.Err()
			causes = []error{context.Cause(ctx), context.Cause(child), context.Cause(later)}
			return executor.Report{}, context.Cause(child)
		})
		until(t, time.Minute, "the job has failed", func() bool { return m.states()["failed"] == 1 })
		if !limited || left != 3*time.Second || first != nil {
			t.Errorf("a job of 3 s has %v left (limited: %t), and the error %v", left, limited, first)
		}
		if end != context.DeadlineExceeded || next == nil {
			t.Errorf("after its time its error is %v, that of a context derived from it %v", end, next)
		}
		for _, cause := range causes {
			if cause != executor.ErrTimeout {
				t.Errorf("the cause is %v", cause)
			}
		}
		p.stop(t)
	})
}

// A job that is done takes no memory until its time would have been over.
func TestWorkKeepsNothingOfAJobThatIsDone(t *testing.T) {
	t.Parallel()
	m := newMemory()
	id := m.add(1, store.Job{})
	var payload weak.Pointer[[1 << 10]byte]
	m.do(func() {
		bytes := new([1 << 10]byte)
		payload = weak.Make(bytes)
		m.rows[id].Payload = bytes[:]
	})
	p := start(t, m, executor.Config{}, nothing)
	storetest.Eventually(t, "the job succeeds", func() bool { return m.states()["succeeded"] == 1 })
	m.do(func() { delete(m.rows, id) })
	storetest.Eventually(t, "its payload is free", func() bool { runtime.GC(); return payload.Value() == nil })
	p.stop(t)
}
