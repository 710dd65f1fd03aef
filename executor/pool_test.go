package executor_test

import (
	"context"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

func TestNewRefusesAWrongConfiguration(t *testing.T) {
	good := func() executor.Config {
		return executor.Config{Workers: 1, Runners: executor.Runners{"test": executor.RunnerFunc(nothing)}}
	}
	if _, err := executor.New(newMemory(), good()); err != nil {
		t.Fatal(err)
	}
	if _, err := executor.New(nil, good()); err == nil {
		t.Error("no queue: New returned nil")
	}
	for name, spoil := range map[string]func(*executor.Config){
		"no runners":                           func(c *executor.Config) { c.Runners = nil },
		"no workers":                           func(c *executor.Config) { c.Workers = 0 },
		"negative poll interval":               func(c *executor.Config) { c.PollInterval = -1 },
		"negative grace":                       func(c *executor.Config) { c.Grace = -1 },
		"heartbeat slower than half the lease": func(c *executor.Config) { c.Lease, c.Heartbeat = 9*time.Second, 5*time.Second },
	} {
		c := good()
		spoil(&c)
		if _, err := executor.New(newMemory(), c); err == nil {
			t.Errorf("%s: New returned nil", name)
		}
	}
}

// What New has taken cannot be altered, and the executor is registered for it.
func TestNewKeepsItsConfiguration(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		c := executor.Config{
			Runners: executor.Runners{"test": executor.RunnerFunc(nothing), "more": executor.RunnerFunc(nothing)},
			Workers: 3, Pools: []string{"one", "two"}, Batch: "b", Version: "v", Lease: time.Minute, JobTimeout: time.Second,
			Log: slog.New(slog.DiscardHandler),
		}
		p, err := executor.New(m, c)
		if err != nil {
			t.Fatal(err)
		}
		c.Runners["late"], c.Pools[0] = c.Runners["test"], "other"
		delete(c.Runners, "more")
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, stop)
		if err := p.Run(ctx); err != nil {
			t.Fatal(err)
		}
		got := m.sessions[0].Executor
		got.Hostname, got.PID = "", 0
		want := store.Executor{
			Version: "v", Workers: 3, Kinds: []string{"more", "test"}, Pools: []string{"one", "two"}, Batch: "b",
			Lease: time.Minute, JobTimeout: time.Second,
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("registered %+v\nwant       %+v", got, want)
		}
	})
}
