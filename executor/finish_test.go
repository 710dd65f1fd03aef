package executor_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// spiteful is an error whose methods panic.
type spiteful struct{}

func (*spiteful) Error() string { panic("no message for you") }

// After River's PanicWithPanicHandlerPanic and JobCancelErrorCancelsJobEvenWithRemainingAttempts, Oban's "safely executing jobs with any type of exit" and pg-boss's "should abort signal when job handler times out".
func TestFinishRecordsWhatARunnerReturns(t *testing.T) {
	type want struct {
		outcome          store.Outcome
		code, err, state string
		permanent        bool
	}
	tests := []struct {
		name string
		job  store.Job
		run  executor.RunnerFunc
		want want
	}{
		{"success", store.Job{}, nothing, want{outcome: store.Succeeded, state: "succeeded"}},
		{
			"a plain error", store.Job{},
			func(context.Context, *store.Job) (executor.Report, error) {
				return executor.Report{}, errors.New("it broke")
			},
			want{store.Failed, "error", "it broke", "pending", false},
		},
		{
			"a Failure", store.Job{},
			func(context.Context, *store.Job) (executor.Report, error) {
				return executor.Report{}, executor.Failf("40001", "try %s", "again")
			},
			want{store.Failed, "40001", "try again", "pending", false},
		},
		{
			"a permanent Failure", store.Job{},
			func(context.Context, *store.Job) (executor.Report, error) {
				return executor.Report{}, executor.Refusef("42601", "syntax")
			},
			want{store.Failed, "42601", "syntax", "failed", true},
		},
		{
			"a wrapped Failure", store.Job{},
			func(context.Context, *store.Job) (executor.Report, error) {
				return executor.Report{}, fmt.Errorf("wrapped: %w", executor.Refusef("42P01", "no such table"))
			},
			want{store.Failed, "42P01", "no such table", "failed", true},
		},
		{
			"the last failure", store.Job{MaxAttempts: 3, Failures: 2},
			func(context.Context, *store.Job) (executor.Report, error) {
				return executor.Report{}, executor.Failf("x", "y")
			},
			want{store.Failed, "x", "y", "failed", false},
		},
		{
			"a Failure without a code", store.Job{},
			func(context.Context, *store.Job) (executor.Report, error) {
				return executor.Report{}, &executor.Failure{Message: "m"}
			},
			want{store.Failed, "error", "m", "pending", false},
		},
		{
			"a nil Failure as an error", store.Job{},
			func(context.Context, *store.Job) (executor.Report, error) {
				return executor.Report{}, (*executor.Failure)(nil)
			},
			want{store.Failed, "panic", "the runner panicked: runtime error: invalid memory address or nil pointer dereference", "pending", false},
		},
		{
			"an error that panics", store.Job{},
			func(context.Context, *store.Job) (executor.Report, error) {
				return executor.Report{}, new(spiteful)
			},
			want{store.Failed, "panic", "the runner panicked: no message for you", "pending", false},
		},
		{
			"a panic", store.Job{},
			func(context.Context, *store.Job) (executor.Report, error) { panic("boom") },
			want{store.Failed, "panic", "the runner panicked: boom", "pending", false},
		},
		{
			"a panic with nil", store.Job{},
			func(context.Context, *store.Job) (executor.Report, error) { panic(nil) }, //nolint:govet // on purpose
			want{store.Failed, "panic", "the runner panicked: panic called with nil argument", "pending", false},
		},
		{
			"a panic with an error", store.Job{},
			func(context.Context, *store.Job) (executor.Report, error) { panic(errors.New("bad")) },
			want{store.Failed, "panic", "the runner panicked: bad", "pending", false},
		},
		{
			"an unknown kind", store.Job{Kind: "other"}, nothing,
			want{store.Failed, "unknown_kind", `this executor does not run jobs of kind "other"`, "pending", false},
		},
		{
			"timeout_seconds", store.Job{TimeoutSeconds: ptr(int32(2))}, takes(time.Hour),
			want{store.TimedOut, "timeout", "stopped when its time of 2s was over", "pending", false},
		},
		{
			"the executor's timeout", store.Job{}, takes(time.Hour),
			want{store.TimedOut, "timeout", "stopped when its time of 5s was over", "pending", false},
		},
		{
			"success after its time was over", store.Job{TimeoutSeconds: ptr(int32(1))},
			func(ctx context.Context, _ *store.Job) (executor.Report, error) {
				<-ctx.Done()
				return executor.Report{}, nil
			},
			want{outcome: store.Succeeded, state: "succeeded"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				m := newMemory()
				id := m.add(1, test.job)
				p := start(t, registers{m, "other"}, executor.Config{JobTimeout: 5 * time.Second}, test.run)
				until(t, 20*time.Second, "an attempt is recorded", func() bool { return len(m.history(id)) == 1 })
				r := m.history(id)[0]
				m.do(func() {
					got := want{r.Outcome, r.ErrorCode, r.Error, m.rows[id].state, r.Permanent}
					if got != test.want {
						t.Errorf("got  %+v\nwant %+v", got, test.want)
					}
				})
				if stack := strings.Contains(r.Output, "runtime/panic.go"); stack != (test.want.code == "panic") {
					t.Errorf("output is %q", r.Output)
				}
				failed := r.Outcome == store.Failed || r.Outcome == store.TimedOut
				if delayed := r.Delay > 0; delayed != failed {
					t.Errorf("delay is %s", r.Delay)
				}
				p.stop(t)
				m.check(t)
			})
		})
	}
}

// registers is a queue that takes an executor to run one kind more.
type registers struct {
	*memory
	kind string
}

func (q registers) Register(ctx context.Context, e store.Executor) (store.Session, error) {
	e.Kinds = append(e.Kinds, q.kind)
	return q.memory.Register(ctx, e)
}

func TestFinishRecordsTheReportOfSuccessAndFailure(t *testing.T) {
	for _, err := range []error{nil, executor.Failf("exit_status", "exit status 3")} {
		bubbleName := fmt.Sprint(err)
		t.Run(bubbleName, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				m := newMemory()
				id := m.add(1, store.Job{})
				p := start(t, m, executor.Config{}, func(context.Context, *store.Job) (executor.Report, error) {
					return executor.Report{
						RowsAffected: ptr(int64(7)), ExitCode: ptr(int32(3)), Value: json.RawMessage(`{"a":"\u0000"}`),
						Output: "x\x00\xff", OutputBytes: 99,
					}, err
				})
				until(t, time.Second, "an attempt is recorded", func() bool { return len(m.history(id)) == 1 })
				r := m.history(id)[0]
				if *r.RowsAffected != 7 || *r.ExitCode != 3 || string(r.Value) != `{"a":"␀"}` || r.Output != `x␀\xff` || r.OutputBytes != 99 {
					t.Errorf("recorded %+v", r.Result)
				}
				p.stop(t)
			})
		})
	}
}

func TestFinishCountsNoFailureOfAnInterruptedAttempt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		id := m.add(1, store.Job{})
		p := start(t, m, executor.Config{}, func(_ context.Context, j *store.Job) (executor.Report, error) {
			if j.Attempt == 1 {
				return executor.Report{}, fmt.Errorf("wrapped: %w", &executor.Interrupted{Reason: "the clock was set"})
			}
			return executor.Report{}, nil
		})
		until(t, time.Minute, "two attempts are recorded", func() bool { return len(m.history(id)) == 2 })
		if r := m.history(id)[0]; r.Outcome != store.Interrupted || r.ErrorCode != "interrupted" || r.Error != "the clock was set" || r.Delay != 0 {
			t.Errorf("recorded %+v", r.Result)
		}
		p.stop(t)
	})
}

// After River's InvalidNextRetryAt: a wish without measure is bounded.
func TestFinishPutsTheRetryOff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		short, long := m.add(1, store.Job{Tag: "30s"}), m.add(1, store.Job{Tag: "100h"})
		p := start(t, m, executor.Config{}, func(_ context.Context, j *store.Job) (executor.Report, error) {
			d, _ := time.ParseDuration(j.Tag)
			return executor.Report{}, &executor.Failure{Code: "503", RetryAfter: d}
		})
		pass(time.Second)
		if d := m.history(short)[0].Delay; d != 30*time.Second {
			t.Errorf("waits %s, want 30s", d)
		}
		if d := m.history(long)[0].Delay; d != time.Hour {
			t.Errorf("waits %s, want the longest wait, 1h", d)
		}
		p.stop(t)
	})
}

// The kill grace follows every end of a job's context, not only that of its time.
func TestAbandonRecordsACancelledAttemptOfARunnerThatIgnoresItsContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, g := newMemory(), &gauge{}
		id := m.add(1, store.Job{})
		p := start(t, m, executor.Config{}, g.around(stubborn(time.Hour)))
		until(t, time.Minute, "the job runs", func() bool { return g.begun(id) == 1 })
		m.do(func() { m.rows[id].cancel = true })
		until(t, 5*time.Second+killGrace, "the job is cancelled", func() bool { return m.states()["cancelled"] == 1 })
		if p.Stats().Stuck != 1 {
			t.Error("the worker does not count as stuck")
		}
		p.stop(t)
	})
}

// After River's StuckDetectionIgnoresParentContextCancellation.
func TestAbandonRecordsTheAttemptOfARunnerThatIgnoresItsContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, g := newMemory(), &gauge{}
		id := m.add(1, store.Job{TimeoutSeconds: ptr(int32(1)), MaxAttempts: 1})
		p := start(t, m, executor.Config{Workers: 1}, g.around(stubborn(time.Minute)))
		pass(time.Second + killGrace - time.Millisecond)
		if len(m.history(id)) != 0 || p.Stats().Stuck != 0 {
			t.Fatal("recorded before the kill grace was over")
		}
		pass(time.Second)
		if h := m.history(id); len(h) != 1 || h[0].Outcome != store.TimedOut {
			t.Fatalf("history is %+v", h)
		}
		if p.Stats().Stuck != 1 {
			t.Error("the worker does not count as stuck")
		}
		m.add(1, store.Job{})
		pass(30 * time.Second)
		if now, _ := g.read(); now != 1 || g.begun(id+1) != 0 {
			t.Error("another job began beside the stuck one")
		}
		until(t, time.Minute, "the worker is free", func() bool { return g.begun(id+1) == 1 })
		if p.Stats().Stuck != 0 {
			t.Error("the worker still counts as stuck")
		}
		p.stop(t)
		m.check(t)
	})
}
