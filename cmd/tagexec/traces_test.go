package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/store/storetest"
)

// collector is a receiver of OTLP/HTTP, and a server that jobs call.
type collector struct {
	*httptest.Server
	mu      sync.Mutex
	spans   []*otlp.Span
	service []string
	key     []string // api keys that came with spans
	called  []string // traceparents that came with jobs
	busy    int      // answers to refuse
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{busy: 1}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.URL.Path != "/v1/traces" {
		c.called = append(c.called, r.Header.Get("Traceparent"))
		return
	}
	if c.busy--; c.busy >= 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	body, _ := io.ReadAll(r.Body)
	var data otlp.TracesData
	if err := proto.Unmarshal(body, &data); err != nil || r.Header.Get("Content-Type") != "application/x-protobuf" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.key = append(c.key, r.Header.Get("X-Key"))
	for _, of := range data.ResourceSpans {
		for _, a := range of.Resource.Attributes {
			if a.Key == "service.name" {
				c.service = append(c.service, a.Value.GetStringValue())
			}
		}
		for _, scope := range of.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
}

// of returns the spans of a job in the order of attempts.
func (c *collector) of(job int64) (list []*otlp.Span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if said(s, "tagexec.job_id") == fmt.Sprint(job) {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b *otlp.Span) int {
		return strings.Compare(said(a, "tagexec.attempt"), said(b, "tagexec.attempt"))
	})
	return list
}

// said is the value of an attribute as text.
func said(s *otlp.Span, name string) string {
	for _, a := range s.Attributes {
		if a.Key == name {
			if a.Value.GetStringValue() != "" {
				return a.Value.GetStringValue()
			}
			return fmt.Sprint(a.Value.GetIntValue())
		}
	}
	return ""
}

// carries is the traceparent that what a span started must have been given.
func carries(s *otlp.Span) string {
	return "00-" + hex.EncodeToString(s.TraceId) + "-" + hex.EncodeToString(s.SpanId) + "-01"
}

func TestAttemptsAreSpansOfTheirTrace(t *testing.T) {
	t.Parallel()
	const (
		trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
		other       = "11112222333344445555666677778888"
	)
	db, c := storetest.New(t), newCollector(t)
	dir := commandDir(t, map[string]string{"show": `echo "{\"parent\": \"$TRACEPARENT\"}"`})
	p := start(t, db, []string{"serve"}, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL, "OTEL_EXPORTER_OTLP_HEADERS=x-key=hush%2Dhush", "OTEL_BSP_SCHEDULE_DELAY=50", "OTEL_SERVICE_NAME=tags",
		"TAGEXEC_COMMANDS_DIR="+dir, "TAGEXEC_COMMAND_ENV=PATH", "TAGEXEC_HTTP_ORIGINS="+c.URL)
	db.Exec(`SELECT tagexec.submit_jobs('b', $1, jsonb_build_object('traceparent', '00-`+trace+`-`+span+`-01'))`, `[
		{"tag": "sql",     "payload": {"statement": "SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid() -- so"}},
		{"tag": "command", "kind": "command", "payload": {"command": "show"}},
		{"tag": "http",    "kind": "http", "payload": {"url": "`+c.URL+`/called"}},
		{"tag": "own",     "payload": {"statement": "SELECT 1", "traceparent": "00-`+other+`-`+span+`-01"}},
		{"tag": "bad",     "payload": {"statement": "SELECT * FROM nowhere"}},
		{"tag": "wrong",   "payload": {"statement": "SELECT 1", "traceparent": "me"}}]`)
	alone := db.Insert(storetest.Row{"payload": `{"statement": "SELECT 1"}`})[0]
	job := func(tag string) int64 {
		return storetest.One[int64](db, "SELECT id FROM tagexec.tag_jobs WHERE tag = $1", tag)
	}
	var spans []*otlp.Span
	of := func(tag string) *otlp.Span { return c.of(job(tag))[0] }
	clitest.Eventually(t, "a span of each job", func() bool {
		spans = c.of(alone)
		for _, tag := range []string{"sql", "command", "http", "own", "bad", "wrong"} {
			spans = append(spans, c.of(job(tag))...)
		}
		return len(spans) == 7
	})
	for _, s := range spans {
		want, tag := trace, said(s, "tagexec.tag")
		if tag == "own" {
			want = other
		}
		if got := hex.EncodeToString(s.TraceId); tag != "t" && (got != want || hex.EncodeToString(s.ParentSpanId) != span) && said(s, "tagexec.job_id") != fmt.Sprint(alone) {
			t.Errorf("%s belongs to %s below %x", tag, got, s.ParentSpanId)
		}
		var events []string
		for _, e := range s.Events {
			events = append(events, e.Name)
		}
		took := time.Duration(s.EndTimeUnixNano - s.StartTimeUnixNano)
		if !slices.Equal(events, []string{"run", "record"}) || s.StartTimeUnixNano > s.Events[0].TimeUnixNano || s.EndTimeUnixNano < s.Events[1].TimeUnixNano || took <= 0 || took > time.Minute {
			t.Errorf("%s: events %q, %s", tag, events, took)
		}
	}
	if s := c.of(alone)[0]; len(s.ParentSpanId) != 0 || said(s, "tagexec.batch") != "" || said(s, "tagexec.pool") != "default" {
		t.Errorf("alone: %v", s)
	}
	// Handed on.
	result := func(tag, field string) string {
		return storetest.One[string](db, "SELECT coalesce(result ->> $2, error) FROM tagexec.tag_jobs WHERE tag = $1", tag, field)
	}
	if got, want := result("sql", "query"), "\n/*traceparent='"+carries(of("sql"))+"'*/"; !strings.HasSuffix(got, want) {
		t.Errorf("the server saw %q, want %q at its end", got, want)
	}
	if got := result("command", "parent"); got != carries(of("command")) {
		t.Errorf("the command was given %q, want %q", got, carries(of("command")))
	}
	if got := c.called; !slices.Equal(got, []string{carries(of("http"))}) {
		t.Errorf("the server was given %q, want %q", got, carries(of("http")))
	}
	// How they ended.
	if s := of("bad"); s.Status.GetCode() != otlp.Status_STATUS_CODE_ERROR || said(s, "tagexec.error_code") != "42P01" || said(s, "tagexec.outcome") != "failed" || said(s, "tagexec.batch") != "b" || s.Name != "attempt sql" {
		t.Errorf("bad: %v", s)
	}
	if s := of("sql"); s.Status.GetCode() != otlp.Status_STATUS_CODE_UNSET || said(s, "tagexec.outcome") != "succeeded" {
		t.Errorf("sql: %v", s)
	}
	if got := result("wrong", "x"); !strings.Contains(got, "must be a W3C traceparent") {
		t.Error(got)
	}
	p.Signal(syscall.SIGTERM)
	p.Exit()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(c.service, "tags") || slices.ContainsFunc(c.key, func(key string) bool { return key != "hush-hush" }) {
		t.Errorf("service %q, keys %q", c.service, c.key)
	}
	if strings.Contains(p.ErrOut.String(), "hush") {
		t.Error("a header is in the log")
	}
}

// Where nobody takes the spans, jobs run as ever, and the end does not wait.
func TestJobsDoNotWaitForACollectorThatIsAway(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	hangs := make(chan struct{})
	away := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hangs }))
	t.Cleanup(func() { close(hangs); away.Close() })
	p := start(t, db, []string{"serve"}, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="+away.URL, "OTEL_BSP_SCHEDULE_DELAY=10", "OTEL_BSP_MAX_QUEUE_SIZE=16", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=4")
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, payload) SELECT 't', '{"statement": "SELECT 1"}' FROM generate_series(1, 200)`)
	waitState(t, db, "succeeded", 200)
	p.Signal(syscall.SIGTERM)
	if code := p.Exit(); code != 143 {
		t.Errorf("exit code %d", code)
	}
}
