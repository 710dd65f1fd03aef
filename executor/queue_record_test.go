package executor_test

import (
	"testing"
	"time"

	"github.com/tagexec/tagexec/store"
)

func queueRecordFates(t *testing.T, f fixture) {
	stays, gone := f.insert(store.Job{}), f.insert(store.Job{})
	s := f.register(t, store.Executor{})
	jobs := wantJobs(t, s, stays, gone)
	f.delete(gone)
	f.record(t, succeeded, store.Missing, jobs[1])
	again := store.Result{Outcome: store.Interrupted}
	f.record(t, again, store.Applied, jobs[0])
	f.record(t, again, store.Already, jobs[0])
	second := wantJobs(t, s, stays)[0]
	if second.Attempt != 2 {
		t.Errorf("the second claim is %+v", second.Claim)
	}
	f.record(t, again, store.Already, jobs[0])
	foreign := second
	foreign.Executor[0]++
	f.record(t, succeeded, store.Refused, foreign)
	foreign = second
	foreign.Attempt++
	f.record(t, succeeded, store.Refused, foreign)
	f.wantState(t, stays, "running")
	f.record(t, succeeded, store.Applied, second)
	f.wantState(t, stays, "succeeded")
}

func queueRecordStates(t *testing.T, f fixture) {
	s := f.register(t, store.Executor{})
	for _, test := range []struct {
		name   string
		job    store.Job
		result store.Result
		want   string
	}{
		{"success", store.Job{}, succeeded, "succeeded"},
		{"failure with attempts left", store.Job{}, store.Result{Outcome: store.Failed, Delay: time.Hour}, "pending"},
		{"failure for good", store.Job{}, store.Result{Outcome: store.Failed, Permanent: true}, "failed"},
		{"failure of the last attempt", store.Job{MaxAttempts: 1}, store.Result{Outcome: store.Failed}, "failed"},
		{"its time was over", store.Job{}, store.Result{Outcome: store.TimedOut, Delay: time.Hour}, "pending"},
		{"its time was over at the last attempt", store.Job{MaxAttempts: 1}, store.Result{Outcome: store.TimedOut}, "failed"},
		{"interrupted at the last attempt", store.Job{MaxAttempts: 1}, store.Result{Outcome: store.Interrupted, Delay: time.Hour}, "pending"},
		{"cancelled", store.Job{}, store.Result{Outcome: store.Cancelled}, "cancelled"},
	} {
		id := f.insert(test.job)
		f.record(t, test.result, store.Applied, wantJobs(t, s, id)...)
		if got := f.state(id); got != test.want {
			t.Errorf("%s: the job is %s, want %s", test.name, got, test.want)
		}
	}
}

func queueRecordDelay(t *testing.T, f fixture) {
	s := f.register(t, store.Executor{})
	failed, handedBack := f.insert(store.Job{}), f.insert(store.Job{})
	jobs := wantJobs(t, s, failed, handedBack)
	f.record(t, store.Result{Outcome: store.Failed, Delay: time.Hour, ErrorCode: "x", Error: "y"}, store.Applied, jobs[0])
	f.record(t, store.Result{Outcome: store.Interrupted, Delay: time.Hour}, store.Applied, jobs[1])
	other := f.insert(store.Job{})
	wantJobs(t, s, other)
	f.due()
	jobs = wantJobs(t, s, failed, handedBack)
	if jobs[0].Failures != 1 || jobs[1].Failures != 0 || jobs[0].Attempt != 2 || jobs[1].Attempt != 2 {
		t.Errorf("claimed again with %d and %d failures, as attempts %d and %d", jobs[0].Failures, jobs[1].Failures, jobs[0].Attempt, jobs[1].Attempt)
	}
}
