package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// TestMain runs the tests, or this binary as an executor that a test kills or
// limits.
func TestMain(m *testing.M) {
	if dir := os.Getenv(mortalDir); dir != "" {
		mortalExecutor(dir)
		return
	}
	if dir := os.Getenv(crampedDir); dir != "" {
		crampedExecutor(dir)
		return
	}
	storetest.Main(m)
}

// job makes the job that runners get.
func job(payload string) *store.Job {
	return &store.Job{Claim: store.Claim{ID: 42, Attempt: 2}, Tag: "high_value", Payload: json.RawMessage(payload)}
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
	out  executor.Report
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

// captureLog takes what the standard logger prints until the test ends. The test
// must not be parallel.
func captureLog(t *testing.T) func() string {
	var mu sync.Mutex
	var text strings.Builder
	log.SetOutput(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return text.Write(p)
	}))
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return text.String()
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
