package clickhouse_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/store"
)

// What only newer servers do is tested with a fake one; see also conformance_test.go,
// which the tag engines adds with a real server.

// asked is a request that came to a fake server.
type asked struct {
	text   string
	query  url.Values
	header http.Header
}

// fake answers as a ClickHouse of a new version, but to what a test answers itself.
type fake struct {
	*httptest.Server
	mu       sync.Mutex
	requests []asked // but those that ask what the server is
}

func newFake(t *testing.T, answer func(w http.ResponseWriter, a asked)) *fake {
	t.Helper()
	f := &fake{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		a := asked{string(text), r.URL.Query(), r.Header}
		if strings.Contains(a.text, "tagexec: probe") {
			fmt.Fprint(w, `{"meta":[{"name":"v","type":"String"},{"name":"s","type":"Array(String)"}],"data":[["24.8.1.1",["log_comment","cancel_http_readonly_queries_on_client_close"]]],"rows":1}`)
			return
		}
		f.mu.Lock()
		f.requests = append(f.requests, a)
		f.mu.Unlock()
		answer(w, a)
	}))
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
func (f *fake) source() string {
	return strings.Replace(f.URL, "http://", "clickhouse://etl_login:"+password+"@", 1) + "/marts"
}

func run(t *testing.T, ctx context.Context, source, payload string) (executor.Report, error) { //nolint:revive // t first, as everywhere
	t.Helper()
	r, err := runner.NewSQL(ctx, map[string]string{"tags": source}, runner.SQLOptions{Queue: "5f0c2a9be771"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	batch := "nightly"
	job := &store.Job{Claim: store.Claim{ID: 7, Attempt: 2}, Tag: "high_value", Batch: &batch, Payload: json.RawMessage(payload)}
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

// one is the answer of one row.
func one(w http.ResponseWriter, columns, row string) {
	fmt.Fprintf(w, `{"meta":[%s],"data":[%s],"rows":1,"statistics":{"elapsed":0.1}}`+"\n", columns, row)
}

const minute = time.Minute
