package clickhouse_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
)

func nothing(http.ResponseWriter, asked) {}

func TestAStatementSaysWhoseItIsAndHowLongItMayTake(t *testing.T) {
	t.Parallel()
	f := newFake(t, nothing)
	ctx, cancel := context.WithTimeout(t.Context(), minute)
	defer cancel()
	report, err := run(t, ctx, f.source(), `{"statement": "INSERT INTO t VALUES (1)"}`)
	if err != nil || report.QueryID != "tagexec-5f0c2a9be771-7" {
		t.Fatalf("query id %q, %v", report.QueryID, err)
	}
	a := f.All()[0]
	for name, want := range map[string]string{
		"query_id": "tagexec-5f0c2a9be771-7", "replace_running_query": "1", "wait_end_of_query": "1", "database": "marts",
		"log_comment":    "/* tagexec 5f0c2a9be771 job=7 attempt=2 tag=high_value batch=nightly */",
		"session_id":     "",
		"default_format": "JSONCompact",
		"cancel_http_readonly_queries_on_client_close": "1",
	} {
		if got := a.Query.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if seconds, _ := strconv.Atoi(a.Query.Get("max_execution_time")); seconds < 60 || seconds > 70 {
		t.Errorf("max_execution_time is %d, want the minute of the job and 10 s", seconds)
	}
	if a.Text != "/* tagexec 5f0c2a9be771 job=7 attempt=2 tag=high_value batch=nightly */ INSERT INTO t VALUES (1)" {
		t.Errorf("the statement became %q", a.Text)
	}
	if a.Header.Get("X-ClickHouse-User") != "etl_login" || a.Header.Get("X-ClickHouse-Key") != password || strings.Contains(a.Query.Encode(), password) {
		t.Errorf("the login is not where it should be: %v", a.Query)
	}
}

func TestSettingsOfTheURLGoWithEveryStatementButForOurs(t *testing.T) {
	t.Parallel()
	f := newFake(t, nothing)
	if _, err := run(t, t.Context(), f.source()+"?set.max_threads=2&set.wait_end_of_query=0&set.query_id=mine", `{"statement": "SELECT 1"}`); err != nil {
		t.Fatal(err)
	}
	query := f.All()[0].Query
	for name, want := range map[string]string{"max_threads": "2", "wait_end_of_query": "1", "query_id": "tagexec-5f0c2a9be771-7"} {
		if got := query.Get(name); got != want || len(query[name]) != 1 {
			t.Errorf("%s is %q, want %q", name, query[name], want)
		}
	}
}

func TestOnlyStatementsThatAreNotAtomicShareASession(t *testing.T) {
	t.Parallel()
	f := newFake(t, nothing)
	for range 2 {
		if _, err := run(t, t.Context(), f.source(), `{"statements": [{"statement": "SELECT 1"}, {"statement": "SELECT 2"}], "atomic": false}`); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	for _, a := range f.All() {
		ids = append(ids, a.Query.Get("session_id"))
	}
	if len(ids) != 4 || ids[0] == "" || ids[0] != ids[1] || ids[2] != ids[3] || ids[0] == ids[2] {
		t.Errorf("the sessions are %q, want one for each job", ids)
	}
}

func TestParamsAreSentAsTheServerReadsThem(t *testing.T) {
	t.Parallel()
	f := newFake(t, nothing)
	_, err := run(t, t.Context(), f.source(), `{"statement": "SELECT {text:String}", "params": {
		"text": "it's\ta \\ \"line\"\n", "big": 9223372036854775807, "decimal": 12345678901234567.8900, "none": null, "yes": true,
		"list": ["it's", 1, null, ["\n"]], "object": {"a": [1, "x"]}, "biz": {"$job": "id"}}}`)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"text": `it\'s\ta \\ "line"\n`, "big": "9223372036854775807", "decimal": "12345678901234567.8900", "none": `\N`, "yes": "true",
		"list": `['it\'s',1,NULL,['\n']]`, "object": `{"a":[1,"x"]}`, "biz": "7",
	} {
		if got := f.All()[0].Query.Get("param_" + name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

// Another attempt has the same query_id.
func TestCancellingKillsTheStatementOfThisAttempt(t *testing.T) {
	t.Parallel()
	killed, running := make(chan struct{}), make(chan struct{})
	f := newFake(t, func(w http.ResponseWriter, a asked) {
		if strings.HasPrefix(a.Text, "KILL") {
			if a.Text != "KILL QUERY WHERE query_id = 'tagexec-5f0c2a9be771-7' AND startsWith(query, '/* tagexec 5f0c2a9be771 job=7 attempt=2 tag=high_value batch=nightly */') SYNC" || a.Query.Get("query_id") != "" {
				t.Errorf("sent %s", a.Text)
			}
			close(killed)
			return
		}
		close(running)
		<-killed
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte("Code: 394. DB::Exception: Query was cancelled. (QUERY_WAS_CANCELLED) (version 24.8.1.1)"))
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-running
		cancel(executor.ErrCancelled)
	}()
	if _, err := run(t, ctx, f.source(), `{"statement": "SELECT sleep(3)"}`); err == nil || !strings.Contains(err.Error(), "cancelled") {
		t.Errorf("got %v", err)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	followed := &atomic.Bool{}
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Store(true) }))
	defer elsewhere.Close()
	f := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer f.Close()
	_, err := run(t, t.Context(), (&fake{&enginetest.Fake{Server: f}}).source(), `{"statement": "SELECT 1"}`)
	if message := failure(t, err).Message; !strings.Contains(message, "not followed") || followed.Load() {
		t.Errorf("got %q, followed %v", message, followed.Load())
	}
}

func TestWhatIsNotClickHouseIsSaid(t *testing.T) {
	t.Parallel()
	for body, status := range map[string]int{"<html>404 of etl_login " + password: 404, "hello": 200, `{"a": 1}`: 200, "": 200} {
		f := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		_, err := run(t, t.Context(), (&fake{&enginetest.Fake{Server: f}}).source(), `{"statement": "SELECT 1"}`)
		f.Close()
		if message := failure(t, err).Message; !strings.Contains(message, "not ClickHouse") {
			t.Errorf("%q is %q", body, message)
		}
	}
}

func TestParamsAreRefusedByAServerWithout(t *testing.T) {
	t.Parallel()
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		one(w, `{"name":"v","type":"String"},{"name":"s","type":"Array(String)"}`, `["18.16.1",[]]`)
	}))
	defer old.Close()
	_, err := run(t, t.Context(), (&fake{&enginetest.Fake{Server: old}}).source(), `{"statement": "SELECT {a:Int8}", "params": {"a": 1}}`)
	if f := failure(t, err); f.Code != sql.BadPayload || !f.Permanent || !strings.Contains(f.Message, "18.16.1") {
		t.Errorf("got %v", f)
	}
}
