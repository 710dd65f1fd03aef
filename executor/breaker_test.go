package executor_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

var theSource = store.Resource{Name: "the source", Field: "source", Texts: []string{"a"}}

// sick is a Runner whose source can be away. Jobs with another source run.
type sick struct {
	away   atomic.Bool
	slow   atomic.Bool  // runs take an hour
	tried  atomic.Int64 // runs that needed the source while it was away
	probes atomic.Int64
}

func (s *sick) Run(ctx context.Context, j *store.Job) (executor.Report, error) {
	if strings.Contains(string(j.Payload), `"a"`) && s.away.Load() {
		s.tried.Add(1)
		return executor.Report{}, &executor.Unavailable{Resource: theSource, Err: executor.Failf("08006", "no connection")}
	}
	if s.slow.Load() {
		select {
		case <-time.After(time.Hour):
		case <-ctx.Done():
		}
	}
	return executor.Report{}, ctx.Err()
}

// probed is a sick that is also a Prober.
type probed struct{ *sick }

func (p probed) Resources() []store.Resource { return []store.Resource{theSource} }

func (p probed) Probe(context.Context, store.Resource) error {
	p.probes.Add(1)
	if p.away.Load() {
		return errors.New("no connection")
	}
	return nil
}

func TestBreakerLeavesJobsToOthersUntilAProbeSucceeds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := newMemory()
		var r sick
		log := &strings.Builder{}
		var logging sync.Mutex
		p := start(t, q, executor.Config{
			Workers: 4, Runners: executor.Runners{"test": probed{&r}}, Log: slog.New(slog.NewTextHandler(lockedWriter{&logging, log}, nil)),
		}, nil)
		pass(time.Second)
		r.away.Store(true)
		q.add(100, store.Job{Payload: []byte(`{"source": "a"}`), MaxAttempts: 1})
		q.add(100, store.Job{Payload: []byte(`{"source": "b"}`)})
		until(t, time.Second, "the others run", func() bool { return q.states()["succeeded"] == 100 })
		pass(10 * time.Minute)
		if n := r.tried.Load(); n == 0 || n > 4 {
			t.Errorf("%d jobs tried the source while it was away, want at most one a worker", n)
		}
		if n := len(q.attempts); n > 100+4+8 {
			t.Errorf("%d attempts, of which 100 ran", n)
		}
		if n := r.probes.Load(); n < 20 || n > 40 {
			t.Errorf("%d probes in 10 minutes", n)
		}
		if list := p.Unavailable(); len(list) != 1 || list[0].Name != "the source" || list[0].Error != "no connection" || p.NotReady() != "" {
			t.Errorf("unavailable: %+v; not ready: %q", list, p.NotReady())
		}
		r.away.Store(false)
		until(t, 40*time.Second, "all run", func() bool { return q.states()["succeeded"] == 200 })
		if list := p.Unavailable(); len(list) != 0 {
			t.Errorf("unavailable: %+v", list)
		}
		p.stop(t)
		logging.Lock()
		defer logging.Unlock()
		if n := strings.Count(log.String(), "level=WARN"); n != 1 {
			t.Errorf("%d warnings, want one\n%s", n, log)
		}
		q.check(t)
	})
}

func TestBreakerProbesBeforeAnythingIsClaimed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := newMemory()
		r := &sick{}
		r.away.Store(true)
		q.add(10, store.Job{Payload: []byte(`{"source": "a"}`)})
		p := start(t, q, executor.Config{Runners: executor.Runners{"test": probed{r}}}, nil)
		pass(time.Minute)
		if n := r.tried.Load(); n != 0 {
			t.Errorf("%d jobs tried a source that was away at the start", n)
		}
		p.stop(t)
	})
}

// A resource that nobody can probe is tried by one job at a time.
func TestBreakerTriesWithOneJobAtATime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := newMemory()
		var r sick
		r.away.Store(true)
		q.add(200, store.Job{Payload: []byte(`{"source": "a"}`), MaxAttempts: 1})
		p := start(t, q, executor.Config{Workers: 8, Runners: executor.Runners{"test": &r}, JobTimeout: 3 * time.Hour}, nil)
		pass(time.Minute)
		before := r.tried.Load()
		pass(10 * time.Minute)
		if n := r.tried.Load() - before; n < 10 || n > 25 {
			t.Errorf("%d jobs tried the source in 10 minutes, want about one every 30 s", n)
		}
		if n := len(q.attempts); n > 60 {
			t.Errorf("%d attempts while nothing could run", n)
		}
		r.away.Store(false)
		until(t, time.Minute, "all run", func() bool { return q.states()["succeeded"] == 200 })
		p.stop(t)
		q.check(t)
	})
}

// Probes may succeed although jobs find nothing: then one job tries at a time, ever
// more rarely.
func TestBreakerDoesNotBelieveProbesThatSeeNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := newMemory()
		var r sick
		r.away.Store(true)
		q.add(200, store.Job{Payload: []byte(`{"source": "a"}`), MaxAttempts: 1})
		p := start(t, q, executor.Config{Workers: 8, Runners: executor.Runners{"test": lying{&r}}, JobTimeout: 3 * time.Hour}, nil)
		pass(10 * time.Minute)
		if n := r.tried.Load(); n > 8+30 {
			t.Errorf("%d jobs tried the source in 10 minutes, want one a worker and then about one every 30 s", n)
		}
		if list := p.Unavailable(); len(list) != 1 {
			t.Errorf("unavailable: %+v", list)
		}
		r.away.Store(false)
		until(t, time.Minute, "all run", func() bool { return q.states()["succeeded"] == 200 })
		p.stop(t)
		q.check(t)
	})
}

// A job that runs long keeps the others from what it tries for as long as a probe
// may take, not for as long as it runs.
func TestBreakerOpensWhileTheJobOfATrialRuns(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := newMemory()
		var r sick
		r.away.Store(true)
		q.add(4, store.Job{Payload: []byte(`{"source": "a"}`), MaxAttempts: 1})
		p := start(t, q, executor.Config{Workers: 4, Runners: executor.Runners{"test": lying{&r}}, JobTimeout: 3 * time.Hour}, nil)
		until(t, time.Second, "the source is closed", func() bool { return len(p.Unavailable()) == 1 })
		r.slow.Store(true)
		r.away.Store(false)
		until(t, 2*time.Minute, "all run at the same time", func() bool { return q.states()["running"] == 4 })
		until(t, 3*time.Hour, "all have run", func() bool { return q.states()["succeeded"] == 4 })
		p.stop(t)
		q.check(t)
	})
}

type lying struct{ *sick }

func (lying) Resources() []store.Resource                 { return nil }
func (lying) Probe(context.Context, store.Resource) error { return nil }

func TestBreakerSaysThatNothingCanRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := newMemory()
		id := q.add(1, store.Job{MaxAttempts: 1})
		p := start(t, q, executor.Config{}, func(context.Context, *store.Job) (executor.Report, error) {
			return executor.Report{}, &executor.Unavailable{Resource: store.Resource{Name: "everything"}, Err: errors.New("it is not there")}
		})
		until(t, time.Second, "the executor is not ready", func() bool { return p.NotReady() == "no test job can run here: it is not there" })
		if a := q.history(id)[0]; a.Outcome != store.Interrupted || a.ErrorCode != "unavailable" || a.Error != "it is not there" {
			t.Errorf("the attempt ended %+v", a)
		}
		until(t, 90*time.Minute, "the job failed", func() bool { return q.states()["failed"] == 1 })
		if n := len(q.history(id)); n > 200 {
			t.Errorf("%d attempts in an hour", n)
		}
		p.stop(t)
	})
}
