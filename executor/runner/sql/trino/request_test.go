package trino_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql"
)

func TestSettingsOfTheURLGoWithTheStatement(t *testing.T) {
	t.Parallel()
	f := newFake(t, true, func(_ *fake, w http.ResponseWriter, _ asked) { finished(w, "") })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := run(t, ctx, f.source("trino")+"&set.hive.insert_existing_partitions_behavior=OVERWRITE+all&set.query_max_run_time=1d", `{"statement": "SELECT 1"}`, 1); err != nil {
		t.Fatal(err)
	}
	got := f.All()[0].Header.Values("X-Trino-Session")
	if len(got) != 2 || !slices.Contains(got, "hive.insert_existing_partitions_behavior=OVERWRITE+all") || slices.Contains(got, "query_max_run_time=1d") {
		t.Errorf("the session is %q", got)
	}
}

func TestAStatementSaysWhoseItIsAndHowLongItMayTake(t *testing.T) {
	t.Parallel()
	f := newFake(t, true, func(f *fake, w http.ResponseWriter, a asked) {
		if a.Method == http.MethodPost {
			fmt.Fprintf(w, `{"id":"q1","nextUri":"%s/v1/statement/queued/q1/1"}`, f.URL)
			return
		}
		finished(w, `,"updateType":"INSERT","updateCount":4711,"columns":[{"name":"rows","type":"bigint"}],"data":[[4711]]`)
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	report, err := run(t, ctx, f.source("trino"), `{"statement": "INSERT INTO t SELECT 1"}`, 1)
	if err != nil || report.QueryID != "q1" || *report.RowsAffected != 4711 || report.Value != nil {
		t.Fatalf("query id %q, result %s, %v", report.QueryID, report.Value, err)
	}
	post := f.All()[0]
	for name, want := range map[string]string{
		"User": "etl_login", "Catalog": "lake", "Schema": "marts", "Client-Tags": "tagexec",
		"Source": "tagexec-5f0c2a9be771-7", "Trace-Token": "tagexec-5f0c2a9be771-7",
		"Client-Info": "/* tagexec 5f0c2a9be771 job=7 attempt=1 tag=high_value batch=nightly */",
	} {
		if got := post.Header.Get("X-Trino-" + name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := post.Header.Get("X-Trino-Session"); !slices.Contains([]string{"query_max_run_time=69s", "query_max_run_time=70s"}, got) {
		t.Errorf("the session is %q, want the minute of the job and 10 s", got)
	}
	if post.Text != "INSERT INTO t SELECT 1" {
		t.Errorf("the statement became %q", post.Text)
	}
	for _, a := range f.All() {
		r := http.Request{Header: a.Header}
		if _, got, _ := r.BasicAuth(); got != password || strings.Contains(a.Path, password) {
			t.Errorf("%s %s: the login is not where it should be", a.Method, a.Path)
		}
	}
}

func TestPrestoHasHeadersOfItsOwnAndNoArguments(t *testing.T) {
	t.Parallel()
	f := newFake(t, false, func(_ *fake, w http.ResponseWriter, _ asked) { finished(w, "") })
	if _, err := run(t, t.Context(), f.source("presto"), `{"statement": "SELECT 1"}`, 1); err != nil {
		t.Fatal(err)
	}
	if h := f.All()[0].Header; h.Get("X-Presto-User") != "etl_login" || h.Get("X-Trino-User") != "" {
		t.Errorf("got %v", h)
	}
	_, err := run(t, t.Context(), f.source("presto"), `{"statement": "SELECT ?", "args": [1]}`, 1)
	if f := failure(t, err); f.Code != sql.BadPayload {
		t.Errorf("got %v", f)
	}
}

func TestValuesAreLiterals(t *testing.T) {
	t.Parallel()
	f := newFake(t, false, func(_ *fake, w http.ResponseWriter, _ asked) { finished(w, "") })
	_, err := run(t, t.Context(), f.source("trino"), `{"statement": "SELECT 'a', ?", "args": ["it's", 7, 18446744073709551615, 1.50, 1e5, null, true, ["'"], {"a": 1}]}`, 1)
	if err != nil {
		t.Fatal(err)
	}
	const want = `EXECUTE IMMEDIATE 'SELECT ''a'', ?' USING 'it''s', 7, DECIMAL '18446744073709551615', DECIMAL '1.50', DOUBLE '1e5', NULL, TRUE, ARRAY[''''], '{"a":1}'`
	if got := f.All()[0].Text; got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}

func TestTheQueryIsNotFollowedElsewhere(t *testing.T) {
	t.Parallel()
	followed := &atomic.Bool{}
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Store(true) }))
	defer elsewhere.Close()
	for name, answer := range map[string]func(*fake, http.ResponseWriter, asked){
		"a nextUri": func(_ *fake, w http.ResponseWriter, _ asked) {
			fmt.Fprintf(w, `{"id":"q1","nextUri":"%s/v1/statement/queued/q1/1"}`, elsewhere.URL)
		},
		"a redirect": func(_ *fake, w http.ResponseWriter, _ asked) {
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(http.StatusTemporaryRedirect)
		},
	} {
		f := newFake(t, true, answer)
		_, err := run(t, t.Context(), f.source("trino"), `{"statement": "SELECT 1"}`, 1)
		if got := failure(t, err); got.Permanent || followed.Load() {
			t.Errorf("%s: got %v, followed %v", name, got, followed.Load())
		}
	}
}

func TestCancellingDeletesTheQuery(t *testing.T) {
	t.Parallel()
	running := make(chan struct{})
	var once sync.Once
	f := newFake(t, false, func(f *fake, w http.ResponseWriter, a asked) {
		if a.Method == http.MethodGet {
			once.Do(func() { close(running) })
		}
		fmt.Fprintf(w, `{"id":"q1","nextUri":"%s/v1/statement/executing/q1/1"}`, f.URL)
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-running
		cancel(executor.ErrCancelled)
	}()
	if _, err := run(t, ctx, f.source("trino"), `{"statement": "SELECT 1"}`, 1); !errors.Is(err, executor.ErrCancelled) {
		t.Errorf("got %v", err)
	}
	var deleted []string
	for _, a := range f.All() {
		if a.Method == http.MethodDelete {
			deleted = append(deleted, a.Path)
		}
	}
	if want := []string{"/v1/statement/executing/q1/1", "/v1/query/q1"}; !slices.Equal(deleted, want) {
		t.Errorf("deleted %q, want %q", deleted, want)
	}
}

func TestABusyServerIsAskedAgain(t *testing.T) {
	t.Parallel()
	gets := &atomic.Int32{}
	f := newFake(t, false, func(f *fake, w http.ResponseWriter, a asked) {
		switch {
		case a.Method == http.MethodPost:
			fmt.Fprintf(w, `{"id":"q1","nextUri":"%s/v1/statement/executing/q1/1"}`, f.URL)
		case gets.Add(1) == 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case gets.Load() == 2:
			fmt.Fprint(w, `{"id":"q1","data":[[1],[2`) // and hangs up
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		default:
			finished(w, `,"columns":[{"name":"a","type":"bigint"}],"data":[[9223372036854775807],[2]]`)
		}
	})
	report, err := run(t, t.Context(), f.source("trino"), `{"statement": "SELECT 1"}`, 1)
	if err != nil || string(report.Value) != `{"a":9223372036854775807}` {
		t.Errorf("got %s, %v", report.Value, err)
	}
}

func TestTheNextAttemptEndsTheOrphanFirst(t *testing.T) {
	t.Parallel()
	ended := &atomic.Bool{}
	f := newFake(t, false, func(_ *fake, w http.ResponseWriter, a asked) {
		switch {
		case a.Method == http.MethodDelete:
			ended.Store(true)
		case !strings.Contains(a.Text, "system.runtime.queries"):
			finished(w, "")
		case ended.Load():
			finished(w, `,"columns":[{"name":"a","type":"varchar"}],"data":[[null]]`)
		default:
			finished(w, `,"columns":[{"name":"a","type":"varchar"}],"data":[["q0"]]`)
		}
	})
	if _, err := run(t, t.Context(), f.source("trino"), `{"statement": "SELECT 1"}`, 2); err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, a := range f.All() {
		seen = append(seen, a.Method+" "+a.Path)
	}
	if want := []string{"POST /v1/statement", "DELETE /v1/query/q0", "POST /v1/statement", "POST /v1/statement"}; !slices.Equal(seen, want) {
		t.Errorf("got %q, want %q", seen, want)
	}
	if list := f.All()[0]; !strings.Contains(list.Text, "source = 'tagexec-5f0c2a9be771-7'") || list.Header.Get("X-Trino-Source") != "tagexec" {
		t.Errorf("the list is asked for by %q from %q", list.Text, list.Header.Get("X-Trino-Source"))
	}
}
