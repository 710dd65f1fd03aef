package executor_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/tagexec/tagexec/store"
)

func queueCancel(t *testing.T, f fixture) {
	s := f.register(t, store.Executor{})
	stopped, done := f.insert(store.Job{}), f.insert(store.Job{})
	kept := f.insert(store.Job{})
	jobs := wantJobs(t, s, stopped, done, kept)
	f.cancel(stopped)
	f.cancel(done)
	list, err := s.Running(t.Context())
	if err != nil || len(list) != 3 {
		t.Errorf("runs %+v, %v", list, err)
	}
	for _, r := range list {
		if want := r.ID != kept; r.Cancel != want {
			t.Errorf("job %d is to be stopped: %t, want %t", r.ID, r.Cancel, want)
		}
	}
	f.record(t, store.Result{Outcome: store.Interrupted}, store.Applied, jobs[0])
	f.record(t, succeeded, store.Applied, jobs[1])
	f.wantState(t, stopped, "cancelled")
	f.wantState(t, done, "succeeded") // the success was first
}

func queueReap(t *testing.T, f fixture) {
	dead, alive := f.register(t, store.Executor{}), f.register(t, store.Executor{})
	back, last := f.insert(store.Job{Priority: 2}), f.insert(store.Job{Priority: 1, MaxAttempts: 1})
	cancelled := f.insert(store.Job{})
	lost := wantJobs(t, dead, back, last, cancelled)
	mine := f.insert(store.Job{})
	job := wantJobs(t, alive, mine)[0]
	f.cancel(cancelled)
	f.expire(dead)
	if reaped, err := f.Reap(t.Context(), time.Hour); err != nil || len(reaped.Executors) > 0 || reaped.Jobs > 0 {
		t.Errorf("reaped %+v, %v at the first look", reaped, err)
	}
	reaped, err := f.Reap(t.Context(), time.Hour)
	if err != nil || reaped.Jobs != 3 || len(reaped.Executors) != 1 || reaped.Executors[0].String() != dead.ID() {
		t.Errorf("reaped %+v, %v", reaped, err)
	}
	if _, err := dead.Heartbeat(t.Context()); !errors.Is(err, store.ErrReaped) {
		t.Errorf("the heartbeat of the dead returned %v", err)
	}
	if _, err := alive.Heartbeat(t.Context()); err != nil {
		t.Error(err)
	}
	f.wantState(t, last, "failed")
	f.wantState(t, cancelled, "cancelled")
	f.wantState(t, mine, "running")
	f.record(t, succeeded, store.Refused, lost...)
	again := wantJobs(t, alive, back)[0]
	if again.Attempt != 2 || again.Failures != 1 || again.Crashes != 1 {
		t.Errorf("claimed again: %+v", again)
	}
	f.record(t, succeeded, store.Refused, lost[0])
	f.record(t, succeeded, store.Applied, job, again)
}

func queueReapNobody(t *testing.T, f fixture) {
	alive, stopped, dead := f.register(t, store.Executor{}), f.register(t, store.Executor{}), f.register(t, store.Executor{})
	wantJobs(t, alive, f.insert(store.Job{}))
	if err := stopped.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	f.expire(stopped)
	f.expire(dead)
	for range 2 {
		if _, err := dead.Heartbeat(t.Context()); err != nil { // not dead yet
			t.Error(err)
		}
		if reaped, err := f.Reap(t.Context(), 2*time.Hour); err != nil || len(reaped.Executors) > 0 || reaped.Jobs > 0 {
			t.Errorf("reaped %+v, %v", reaped, err)
		}
	}
	if reaped, err := f.Reap(t.Context(), 0); err != nil || len(reaped.Executors) > 0 {
		t.Errorf("reaped %+v, %v without contact", reaped, err)
	}
}

func queueListen(t *testing.T, f fixture) {
	s := f.register(t, store.Executor{})
	f.insert(store.Job{}) // before: not announced
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	listening, notified, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.Listen(ctx, func() { close(listening) }, sync.OnceFunc(func() { close(notified) }))
	}()
	wait := func(signal chan struct{}) {
		select {
		case <-signal:
		case err := <-ended:
			t.Fatalf("Listen returned %v", err)
		}
	}
	wait(listening)
	select {
	case <-notified:
		t.Error("notified before there was a new job")
	default:
	}
	f.insert(store.Job{})
	wait(notified)
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Listen returned %v", err)
	}
}

func queueListenEnds(t *testing.T, f fixture) {
	s := f.register(t, store.Executor{})
	for range 2 { // the second finds what the first has left
		ctx, stop := context.WithCancel(t.Context())
		if err := s.Listen(ctx, stop, func() { t.Error("notified of nothing") }); err != nil {
			t.Errorf("Listen returned %v", err)
		}
		f.insert(store.Job{}) // while nobody listens
	}
}

func queueShow(t *testing.T, f fixture) {
	s := f.register(t, store.Executor{})
	id := f.insert(store.Job{})
	other := f.insert(store.Job{})
	jobs := wantJobs(t, s, id, other)
	f.watch(id)
	list, err := s.Running(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		if r.Watched != (r.ID == id) {
			t.Errorf("job %d is watched: %v", r.ID, r.Watched)
		}
	}
	show := func(from int64, text string, want bool) {
		t.Helper()
		if more, err := f.ShowOutput(t.Context(), store.LiveOutput{Claim: jobs[0].Claim, From: from, Text: text}); err != nil || more != want {
			t.Errorf("%q: %v, %v; want %v", text, more, err, want)
		}
	}
	show(0, "one\n", true)
	show(0, "one\n", true)
	show(4, "two\n", true)
	if got := f.shown(id); got != "one\ntwo\n" {
		t.Errorf("%q is shown", got)
	}
	f.record(t, store.Result{Outcome: store.Failed}, store.Applied, jobs[0])
	show(8, "late\n", false)
	f.due()
	jobs = wantJobs(t, s, id)
	if got := f.shown(id); got != "" {
		t.Errorf("%q is shown of an attempt that has just begun", got)
	}
	show(0, "three\n", true)
	if got := f.shown(id); got != "three\n" {
		t.Errorf("%q is shown", got)
	}
	f.record(t, succeeded, store.Applied, jobs[0])
	if err := f.ForgetOutput(t.Context()); err != nil {
		t.Error(err)
	}
}
