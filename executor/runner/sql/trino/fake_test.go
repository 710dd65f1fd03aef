package trino_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/store"
)

// asked is a request that came to a fake server.
type asked struct {
	method, path, text string
	header             http.Header
}

// fake answers as a coordinator that is ready and knows every login, but to what a test
// answers itself.
type fake struct {
	*httptest.Server
	mu       sync.Mutex
	requests []asked // but those by which a session begins
}

func newFake(t *testing.T, secure bool, answer func(f *fake, w http.ResponseWriter, a asked)) *fake {
	t.Helper()
	f := &fake{}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		a := asked{r.Method, r.URL.Path, string(text), r.Header}
		switch a.path {
		case "/v1/info":
			fmt.Fprint(w, `{"nodeVersion":{"version":"476"},"starting":false}`)
			return
		case "/v1/query/none":
			w.WriteHeader(http.StatusGone)
			return
		}
		f.mu.Lock()
		f.requests = append(f.requests, a)
		f.mu.Unlock()
		answer(f, w, a)
	})
	if secure {
		f.Server = httptest.NewTLSServer(handler)
	} else {
		f.Server = httptest.NewServer(handler)
	}
	t.Cleanup(f.Close)
	return f
}

// all are the requests so far.
func (f *fake) all() []asked {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]asked(nil), f.requests...)
}

const password = "pa55-w0rd"

// source is the URL of the fake server as a source.
func (f *fake) source(scheme string) string {
	host := f.Listener.Addr().String()
	if strings.HasPrefix(f.URL, "https") {
		return scheme + "+https://etl_login:" + password + "@" + host + "/lake/marts?tls=skip-verify"
	}
	return scheme + "://etl_login@" + host + "/lake/marts"
}

func run(t *testing.T, ctx context.Context, source, payload string, attempt int32) (executor.Report, error) { //nolint:revive // t first, as everywhere
	t.Helper()
	r, err := runner.NewSQL(ctx, map[string]string{"tags": source}, runner.SQLOptions{Queue: "5f0c2a9be771"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	batch := "nightly"
	day := time.Date(1997, 1, 31, 0, 0, 0, 0, time.UTC)
	job := &store.Job{Claim: store.Claim{ID: 7, Attempt: attempt}, Tag: "high_value", Batch: &batch, BizDate: &day, Payload: json.RawMessage(payload)}
	return r.Run(ctx, job)
}

func failure(t *testing.T, err error) *executor.Failure {
	t.Helper()
	var f *executor.Failure
	if !errors.As(err, &f) {
		t.Fatalf("got %v, want a failure", err)
	}
	if strings.Contains(f.Message, password) || strings.Contains(f.Message, "etl_login") {
		t.Errorf("the message tells the login: %s", f.Message)
	}
	return f
}

// finished answers that a query has ended, with more of the document.
func finished(w http.ResponseWriter, more string) {
	fmt.Fprintf(w, `{"id":"q1","stats":{"state":"FINISHED"}%s}`, more)
}
