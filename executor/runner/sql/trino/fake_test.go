package trino_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
)

type asked = enginetest.Asked

// fake answers as a coordinator that is ready and knows every login, but to what a test
// answers itself.
type fake struct{ *enginetest.Fake }

func newFake(t *testing.T, secure bool, answer func(f *fake, w http.ResponseWriter, a asked)) *fake {
	t.Helper()
	f := &fake{}
	f.Fake = enginetest.NewFake(t, secure, greet, func(w http.ResponseWriter, a asked) { answer(f, w, a) })
	return f
}

// greet answers that by which a session begins.
func greet(w http.ResponseWriter, a asked) bool {
	switch a.Path {
	case "/v1/info":
		fmt.Fprint(w, `{"nodeVersion":{"version":"476"},"starting":false}`)
		return true
	case "/v1/query/none":
		w.WriteHeader(http.StatusGone)
		return true
	}
	return false
}

const password = enginetest.FakePassword

// source is the URL of the fake server as a source.
func (f *fake) source(scheme string) string {
	host := f.Listener.Addr().String()
	if strings.HasPrefix(f.URL, "https") {
		return scheme + "+https://" + enginetest.FakeUser + ":" + password + "@" + host + "/lake/marts?tls=skip-verify"
	}
	return scheme + "://" + enginetest.FakeUser + "@" + host + "/lake/marts"
}

func run(t *testing.T, ctx context.Context, source, payload string, attempt int32) (executor.Report, error) { //nolint:revive // t first, as everywhere
	t.Helper()
	return enginetest.RunOnFake(ctx, t, source, payload, attempt)
}

func failure(t *testing.T, err error) *executor.Failure {
	t.Helper()
	return enginetest.FailureOnFake(t, err)
}

// finished answers that a query has ended, with more of the document.
func finished(w http.ResponseWriter, more string) {
	fmt.Fprintf(w, `{"id":"q1","stats":{"state":"FINISHED"}%s}`, more)
}
