package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/devpg"
)

// TestMain runs the tests, or this binary as the executor that
// TestACommandDiesWithItsExecutor kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv(mortalDir); dir != "" {
		mortalExecutor(dir)
		return
	}
	goleak.VerifyTestMain(withServer{m})
}

type withServer struct{ m *testing.M }

func (w withServer) Run() int {
	defer stopServer()
	return w.m.Run()
}

var server struct {
	sync.Mutex
	*devpg.Server
}

// serverURL returns the URL of a database of the test server, which the first
// call starts.
func serverURL(t testing.TB, database string) string {
	t.Helper()
	server.Lock()
	defer server.Unlock()
	if server.Server == nil {
		s, err := devpg.Start(context.Background(), devpg.Options{Fast: true})
		if err != nil {
			t.Fatalf("start Postgres: %v", err)
		}
		server.Server = s
	}
	return server.URL(database)
}

func stopServer() {
	if server.Server == nil {
		return
	}
	if err := server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop Postgres:", err)
	}
}

// job makes the job that runners get.
func job(payload string) store.Job {
	return store.Job{Claim: store.Claim{ID: 42, Attempt: 2}, Tag: "high_value", Payload: json.RawMessage(payload)}
}

// wantFailure checks that err is a Failure with a code whose message holds
// every part.
func wantFailure(t *testing.T, err error, code string, permanent bool, parts ...string) *executor.Failure {
	t.Helper()
	var f *executor.Failure
	if !errors.As(err, &f) {
		t.Fatalf("got %v, want a failure %s", err, code)
	}
	if f.Code != code || f.Permanent != permanent {
		t.Errorf("got code %s, permanent %v (%s), want %s, %v", f.Code, f.Permanent, f.Message, code, permanent)
	}
	for _, part := range parts {
		if !strings.Contains(f.Message, part) {
			t.Errorf("message %q does not hold %q", f.Message, part)
		}
	}
	return f
}

func wantJSON(t *testing.T, got json.RawMessage, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("result %q: %v", got, err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	gotText, _ := json.Marshal(g)
	wantText, _ := json.Marshal(w)
	if string(gotText) != string(wantText) {
		t.Errorf("got result %s, want %s", gotText, wantText)
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-limit.C:
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

// running is a Run that goes on in the background.
type running struct {
	out  executor.Outcome
	err  error
	done chan struct{}
}

func start(ctx context.Context, r executor.Runner, payload string) *running {
	run := &running{done: make(chan struct{})}
	go func() {
		defer close(run.done)
		run.out, run.err = r.Run(ctx, job(payload))
	}()
	return run
}

// within waits for the end of the run.
func (r *running) within(t *testing.T, limit time.Duration) {
	t.Helper()
	select {
	case <-r.done:
	case <-time.After(limit):
		t.Fatalf("still running after %s", limit)
	}
}
