package enginetest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
)

// The login of a fake server's source.
const (
	FakeUser     = "etl_login"
	FakePassword = "pa55-w0rd"
)

// Asked is a request that came to a fake server.
type Asked struct {
	Method, Path, Text string
	Query              url.Values
	Header             http.Header
}

// Fake is a server of an engine over HTTP, which answers what a test says and notes what
// it is asked.
type Fake struct {
	*httptest.Server
	mu       sync.Mutex
	requests []Asked
}

// NewFake starts a server. What greet answers, and reports so, is not noted: that by which
// each session begins. secure: with TLS.
func NewFake(t *testing.T, secure bool, greet func(http.ResponseWriter, Asked) bool, answer func(http.ResponseWriter, Asked)) *Fake {
	t.Helper()
	f := &Fake{}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		a := Asked{r.Method, r.URL.Path, string(text), r.URL.Query(), r.Header}
		if greet(w, a) {
			return
		}
		f.mu.Lock()
		f.requests = append(f.requests, a)
		f.mu.Unlock()
		answer(w, a)
	}))
	if secure {
		f.StartTLS()
	} else {
		f.Start()
	}
	t.Cleanup(f.Close)
	return f
}

// All are the requests so far.
func (f *Fake) All() []Asked {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests)
}

// RunOnFake runs an attempt of job 7 on a source.
func RunOnFake(ctx context.Context, t *testing.T, source, payload string, attempt int32) (executor.Report, error) {
	t.Helper()
	r, err := runner.NewSQL(ctx, map[string]string{"tags": source}, runner.SQLOptions{Queue: queue})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	j := job(payload, attempt)
	day := time.Date(1997, 1, 31, 0, 0, 0, 0, time.UTC)
	j.ID, j.BizDate = 7, &day
	return r.Run(ctx, j)
}

// FailureOnFake returns err as a failure, and checks that it does not tell the login.
func FailureOnFake(t *testing.T, err error) *executor.Failure {
	t.Helper()
	var f *executor.Failure
	if !errors.As(err, &f) {
		t.Fatalf("got %v, want a failure", err)
	}
	if strings.Contains(f.Message, FakePassword) || strings.Contains(f.Message, FakeUser) {
		t.Errorf("the message tells the login: %s", f.Message)
	}
	return f
}
