package enginetest

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/store"
)

const (
	queue = "5f0c2a9be771" // of the suite's jobs
	jobID = 4712
)

// newRunner returns a runner of jobs on url, closed at the end of the case.
func (s *suite) newRunner(url string, connections int) *runner.SQL {
	s.Helper()
	return s.runnerOf(queue, url, connections)
}

func (s *suite) runnerOf(queue, url string, connections int) *runner.SQL {
	s.Helper()
	r, err := runner.NewSQL(s.Context(), map[string]string{"tags": url}, runner.SQLOptions{
		PoolSize: connections, Queue: queue, Log: s.log.logger(),
	})
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { s.soon("the runner is closed", r.Close) })
	return r
}

// job makes a job of an attempt.
func job(payload string, attempt int32) *store.Job {
	batch := "nightly"
	return &store.Job{Claim: store.Claim{ID: jobID, Attempt: attempt}, Tag: "high_value", Batch: &batch, Payload: json.RawMessage(payload)}
}

// payload makes the payload of one statement, or of several: in one transaction
// where the engine has them.
func (s *suite) payload(statements ...string) string {
	if len(statements) == 1 {
		return encode(map[string]any{"statement": statements[0]})
	}
	return several(s.traits.Atomic, statements...)
}

// several makes a payload of statements that are atomic or not.
func several(atomic bool, statements ...string) string {
	list := make([]map[string]string, len(statements))
	for i, text := range statements {
		list[i] = map[string]string{"statement": text}
	}
	return encode(map[string]any{"statements": list, "atomic": atomic})
}

func encode(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts can be encoded
	}
	return string(text)
}

// run runs a job to its end.
func (s *suite) run(r *runner.SQL, payload string) (executor.Report, error) {
	s.Helper()
	return s.start(r, payload).result(time.Minute)
}

// succeed runs a job that must succeed.
func (s *suite) succeed(r *runner.SQL, payload string) executor.Report {
	s.Helper()
	report, err := s.run(r, payload)
	if err != nil {
		s.Fatalf("%s: %v", payload, err)
	}
	return report
}

// running is a job that goes on in the background.
type running struct {
	s      *suite
	cancel context.CancelCauseFunc
	done   chan struct{}
	report executor.Report
	err    error
}

// start starts a job; it ends with the case.
func (s *suite) start(r *runner.SQL, payload string) *running {
	return s.startIn(s.Context(), r, job(payload, 1))
}

func (s *suite) startIn(ctx context.Context, r *runner.SQL, j *store.Job) *running {
	ctx, cancel := context.WithCancelCause(ctx)
	run := &running{s: s, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(run.done)
		run.report, run.err = r.Run(ctx, j)
	}()
	s.Cleanup(func() {
		cancel(executor.ErrShutdown)
		s.soon("a job has ended that was told to", func() { <-run.done })
	})
	return run
}

// soon does at the end of a case what waits for the engine. One that never ends its
// work fails the case, and is left behind.
func (s *suite) soon(what string, do func()) {
	s.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	select {
	case <-done:
	case <-time.After(gone):
		s.Errorf("not within %s: %s", gone, what)
	}
}

// within waits for the end of the job, and returns its error.
func (r *running) within(limit time.Duration) error {
	r.s.Helper()
	select {
	case <-r.done:
	case <-time.After(limit):
		r.s.Fatalf("the job still runs after %s", limit)
	}
	return r.err
}

// failure returns err as a failure of the attempt.
func (s *suite) failure(err error) *executor.Failure {
	s.Helper()
	var f *executor.Failure
	if !errors.As(err, &f) {
		s.Fatalf("got %v, want a failure", err)
	}
	return f
}

// endedBy checks that a job ended because its context did.
func (s *suite) endedBy(err, cause error) {
	s.Helper()
	if !errors.Is(err, cause) {
		s.Errorf("got %v, want %v", err, cause)
	}
}

// empty removes all rows of the table.
func (s *suite) empty() {
	s.Helper()
	s.Admin.Empty(s)
}

// rows is how many rows the table has.
func (s *suite) rows() string {
	s.Helper()
	return s.Admin.Value(s, "SELECT count(*) FROM "+s.SQL.Table)
}

// wantRows checks how many rows the table has.
func (s *suite) wantRows(want string) {
	s.Helper()
	if got := s.rows(); got != want {
		s.Errorf("the table has %s rows, want %s", got, want)
	}
}

// listed returns the entry of the server's list that holds a text, once it is there.
func (s *suite) listed(text string) (entry string) {
	s.Helper()
	s.eventually(30*time.Second, "the server's list shows "+text, func() bool {
		for _, entry = range s.Admin.Running(s) {
			if strings.Contains(entry, text) {
				return true
			}
		}
		return false
	})
	return entry
}

// gone is within which time a statement has left the server's list after its job was
// told to end.
const gone = 5 * time.Second

// nothingRuns waits until the server's list is empty.
func (s *suite) nothingRuns() {
	s.Helper()
	s.nothingRunsAfter(gone)
}

func (s *suite) nothingRunsAfter(limit time.Duration) {
	s.Helper()
	s.eventually(limit, "nothing runs in the server", func() bool { return len(s.Admin.Running(s)) == 0 })
}

// eventually waits until a condition holds.
func (s *suite) eventually(limit time.Duration, what string, holds func() bool) {
	s.Helper()
	Eventually(s, limit, what, holds)
}

// Eventually waits until a condition holds, and fails the test if it does not in time.
func Eventually(t testing.TB, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}
