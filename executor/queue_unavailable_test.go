package executor_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/tagexec/tagexec/store"
)

// source is a source that jobs of kind test need, or jobs that name none.
func source(name string) store.Unavailable {
	return store.Unavailable{
		Kind: "test", Resource: store.Resource{Name: "source " + name, Field: "source", Texts: []string{name, ""}},
		Since: time.Now(), Error: "down",
	}
}

func needs(payload string) store.Job { return store.Job{Payload: json.RawMessage(payload)} }

func queueUnavailableClaim(t *testing.T, f fixture) {
	a, none, b := f.insert(needs(`{"source": "a"}`)), f.insert(needs(`{"source": null}`)), f.insert(needs(`{"source": "b"}`))
	keyed := needs(`{"source": "a"}`)
	keyed.MutexKey = ptr("key")
	k := f.insert(keyed)
	crashed := needs(`{}`)
	crashed.Crashes = 2
	suspect := f.insert(crashed)
	s := f.register(t, store.Executor{})
	s.Avoid([]store.Unavailable{source("a")})
	wantJobs(t, s, b)
	if jobs, suspects := claim(t, s, 10); len(jobs) > 0 || suspects {
		t.Errorf("claimed %v, suspects %v, though what they need is unavailable", ids(jobs), suspects)
	}
	if jobs, err := s.ClaimSuspect(t.Context()); err != nil || len(jobs) > 0 {
		t.Errorf("claimed the suspects %v, %v, though what they need is unavailable", ids(jobs), err)
	}
	whole := source("a")
	whole.Field = ""
	s.Avoid([]store.Unavailable{source("c"), whole})
	f.insert(needs(`{"source": "d"}`))
	if jobs, _ := claim(t, s, 10); len(jobs) > 0 {
		t.Errorf("claimed %v, though its kind is unavailable", ids(jobs))
	}
	s.Avoid([]store.Unavailable{source("d")})
	got := map[int64]bool{}
	for _, j := range wantNumber(t, s, 2) {
		got[j.ID] = true
	}
	if !got[a] || !got[k] {
		t.Errorf("claimed %v, want jobs %d and %d, which lay before the positions", got, a, k)
	}
	s.Avoid(nil)
	for _, j := range wantNumber(t, s, 2) {
		got[j.ID] = true
	}
	if !got[none] {
		t.Errorf("claimed %v, want job %d too", got, none)
	}
	if jobs, err := s.ClaimSuspect(t.Context()); err != nil || len(jobs) != 1 || jobs[0].ID != suspect {
		t.Errorf("claimed the suspects %v, %v", ids(jobs), err)
	}
}

// wantNumber claims until so many jobs are there.
func wantNumber(t *testing.T, s store.Session, n int) []store.Job {
	t.Helper()
	jobs, _ := claim(t, s, 10)
	if len(jobs) != n {
		t.Errorf("claimed %v at once, want %d jobs", ids(jobs), n)
	}
	return jobs
}

var nothingRan = store.Result{Outcome: store.Interrupted, ErrorCode: "unavailable", Error: "no connection", Delay: time.Hour}

func queueUnavailableRecord(t *testing.T, f fixture) {
	s := f.register(t, store.Executor{JobTimeout: time.Minute})
	id := f.insert(store.Job{MaxAttempts: 1})
	f.record(t, nothingRan, store.Applied, wantJobs(t, s, id)...)
	f.wantState(t, id, "pending")
	if jobs, _ := claim(t, s, 1); len(jobs) > 0 {
		t.Error("a job of which nothing ran is claimed again at once")
	}
	f.due()
	job := wantJobs(t, s, id)[0]
	if job.Failures != 0 || job.Crashes != 0 {
		t.Errorf("nothing ran, but the job counts %d failures and %d crashes", job.Failures, job.Crashes)
	}
	f.unavailable(id, 2*time.Minute)
	other := f.register(t, store.Executor{})
	f.record(t, nothingRan, store.Applied, job)
	f.wantState(t, id, "pending") // the other might run it

	other.Avoid([]store.Unavailable{{Kind: "test", Resource: store.Resource{Name: "all"}, Since: time.Now(), Error: "down"}})
	if _, err := other.Heartbeat(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.due()
	job = wantJobs(t, s, id)[0]
	f.unavailable(id, 30*time.Second)
	f.record(t, nothingRan, store.Applied, job)
	f.wantState(t, id, "pending")
	f.due()
	job = wantJobs(t, s, id)[0]
	f.unavailable(id, 2*time.Minute)
	f.record(t, store.Result{Outcome: store.Interrupted}, store.Applied, job)
	f.wantState(t, id, "pending") // what interrupted it was no lack
	f.due()
	f.record(t, nothingRan, store.Applied, wantJobs(t, s, id)...)
	f.wantState(t, id, "failed")

	ran := f.insert(store.Job{})
	job = wantJobs(t, s, ran)[0]
	f.unavailable(ran, 2*time.Minute)
	f.record(t, store.Result{Outcome: store.Failed}, store.Applied, job)
	f.due()
	f.record(t, nothingRan, store.Applied, wantJobs(t, s, ran)...)
	f.wantState(t, ran, "pending") // it has run since
}

func queueGiveUp(t *testing.T, f fixture) {
	ago := time.Now().Add(-10 * time.Minute)
	old := func(payload string, timeout int32) int64 {
		j := needs(payload)
		j.RunAt, j.TimeoutSeconds = ago, &timeout
		return f.insert(j)
	}
	short, long, free := old(`{"source": "a"}`, 60), old(`{"source": "a"}`, 3600), old(`{"source": "b"}`, 60)
	keyed := needs(`{"source": "a"}`)
	keyed.RunAt, keyed.TimeoutSeconds, keyed.MutexKey = ago, ptr[int32](60), ptr("key")
	k := f.insert(keyed)
	down := source("a")
	down.Since = ago
	s, other := f.register(t, store.Executor{}), f.register(t, store.Executor{})
	giveUp := func(want int) {
		t.Helper()
		if n, err := s.GiveUp(t.Context()); err != nil || n != want {
			t.Errorf("gave up %d jobs, %v, want %d", n, err, want)
		}
	}
	giveUp(0)
	s.Avoid([]store.Unavailable{down})
	giveUp(0) // the other may run them
	fresh := source("a")
	other.Avoid([]store.Unavailable{fresh})
	if _, err := other.Heartbeat(t.Context()); err != nil {
		t.Fatal(err)
	}
	giveUp(0) // it could until now
	other.Avoid([]store.Unavailable{down})
	if _, err := other.Heartbeat(t.Context()); err != nil {
		t.Fatal(err)
	}
	giveUp(2)
	f.wantState(t, short, "failed")
	f.wantState(t, k, "failed")
	f.wantState(t, long, "pending")
	f.wantState(t, free, "pending")
	giveUp(0)
}
