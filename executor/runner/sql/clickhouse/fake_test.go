package clickhouse_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
)

// What only newer servers do is tested with a fake one; see also conformance_test.go,
// which the tag engines adds with a real server.

type asked = enginetest.Asked

// fake answers as a ClickHouse of a new version, but to what a test answers itself.
type fake struct{ *enginetest.Fake }

func newFake(t *testing.T, answer func(w http.ResponseWriter, a asked)) *fake {
	t.Helper()
	return &fake{enginetest.NewFake(t, false, greet, answer)}
}

// greet answers the question what the server is.
func greet(w http.ResponseWriter, a asked) bool {
	if !strings.Contains(a.Text, "tagexec: probe") {
		return false
	}
	fmt.Fprint(w, `{"meta":[{"name":"v","type":"String"},{"name":"s","type":"Array(String)"}],"data":[["24.8.1.1",["log_comment","cancel_http_readonly_queries_on_client_close"]]],"rows":1}`)
	return true
}

const password = enginetest.FakePassword

// source is the URL of the fake server as a source.
func (f *fake) source() string {
	return strings.Replace(f.URL, "http://", "clickhouse://"+enginetest.FakeUser+":"+password+"@", 1) + "/marts"
}

func run(t *testing.T, ctx context.Context, source, payload string) (executor.Report, error) { //nolint:revive // t first, as everywhere
	t.Helper()
	return enginetest.RunOnFake(ctx, t, source, payload, 2)
}

func failure(t *testing.T, err error) *executor.Failure {
	t.Helper()
	return enginetest.FailureOnFake(t, err)
}

// one is the answer of one row.
func one(w http.ResponseWriter, columns, row string) {
	fmt.Fprintf(w, `{"meta":[%s],"data":[%s],"rows":1,"statistics":{"elapsed":0.1}}`+"\n", columns, row)
}

const minute = time.Minute
