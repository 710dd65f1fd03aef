package runner_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestSQLHungConnectionsStarveNobody(t *testing.T) {
	t.Parallel()
	source, _ := database(t)
	silent := storetest.NewSilent(t, source, 4)
	s := newSQL(t, map[string]string{"x": silent.URL + "&connect_timeout=1"}, runner.SQLOptions{PoolSize: 4})
	var runs []*running
	for range 4 {
		runs = append(runs, start(t.Context(), s, payload("SELECT 1")))
	}
	for _, run := range runs {
		<-run.done
		wantFailure(t, run.err, "connection_failed", false, `connecting to source "x": no answer in time`)
	}
	if _, err := s.Run(t.Context(), job(payload("SELECT 1"))); err != nil {
		t.Errorf("the server answers again, but: %v", err)
	}
}

func TestSQLSilentSourceHoldsNoWorkerAndNoExit(t *testing.T) {
	t.Parallel()
	source, _ := database(t)
	silent := storetest.NewSilent(t, source, 0)
	s := newSQL(t, map[string]string{"x": silent.URL}, runner.SQLOptions{PoolSize: 2})
	if _, err := s.Run(t.Context(), job(payload("SELECT 1"))); err != nil {
		t.Fatal(err)
	}
	silent.Hush()
	silent.Next(storetest.Everybody)
	ctx, cancel := context.WithCancelCause(t.Context())
	runs := []*running{start(ctx, s, payload("SELECT 1")), start(ctx, s, payload("SELECT 1"))}
	storetest.Eventually(t, "a connection hangs", func() bool { return silent.Hung() > 0 })
	cancel(executor.ErrCancelled)
	for _, run := range runs {
		run.within(t, 5*time.Second)
		if !errors.Is(run.err, executor.ErrCancelled) {
			t.Errorf("got %v", run.err)
		}
	}
	closed := make(chan bool)
	go func() { s.Close(); closed <- true }()
	select {
	case <-closed:
	case <-time.After(5 * time.Second):
		t.Fatal("still closing")
	}
}

// A connection that was just used is not asked whether it lives. If it says nothing
// to BEGIN, nothing of the job ran.
func TestSQLSourceThatFallsSilentBeforeAJobIsUnavailable(t *testing.T) {
	t.Parallel()
	source, super := database(t)
	silent := storetest.NewSilent(t, source, 0)
	s := newSQL(t, map[string]string{"x": silent.URL + "&connect_timeout=1"}, runner.SQLOptions{PoolSize: 1})
	if _, err := s.Run(t.Context(), job(payload("SELECT 1"))); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the connection is free", func() bool {
		return value(t, super, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = 'DISCARD ALL' AND state = 'idle'") == "1"
	})
	silent.Hush()
	silent.Next(storetest.Everybody)
	run := start(t.Context(), s, payload("SELECT 1"))
	run.within(t, 20*time.Second)
	wantFailure(t, run.err, "connection_failed", false, `connecting to source "x": no answer in time`)
	if u := (*executor.Unavailable)(nil); !errors.As(run.err, &u) {
		t.Errorf("got %v", run.err)
	}
}
