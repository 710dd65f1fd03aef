package postgres_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// settings is a statement that shows what a session is like.
const settings = `{"statement": "SELECT current_setting('work_mem') AS work_mem, to_regclass('leak') IS NOT NULL AS leak, current_setting('statement_timeout') AS statement, current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('client_connection_check_interval') AS check"}`

type session struct {
	WorkMem                string `json:"work_mem"`
	Leak                   bool
	Statement, Idle, Check string
}

func TestAConnectionThatWasNotResetIsNotUsedAgain(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string][]pgproto3.BackendMessage{
		"the server says so in a notice": {
			&pgproto3.NoticeResponse{Severity: "NOTICE", Code: "00000", Message: "command without clusterwide effect"},
			&pgproto3.CommandComplete{CommandTag: []byte("DISCARD ALL")},
		},
		"the server does not know DISCARD": refusal("42601"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			there := newRelative(t, storetest.Empty(t).URL, func(sql string) []pgproto3.BackendMessage {
				if sql == "DISCARD ALL" {
					return answer
				}
				return nil
			})
			r, _ := newRunner(t, there.url)
			before := look(t, t.Context(), r)
			run(t, r, `{"statements": [{"statement": "SET work_mem = '7MB'"}, {"statement": "CREATE TEMPORARY TABLE leak ()"}]}`)
			if after := look(t, t.Context(), r); after != before {
				t.Errorf("a session was %+v, and is %+v for the next job", before, after)
			}
			if n := there.clients.Load(); n != 3 {
				t.Errorf("three jobs had %d connections", n)
			}
		})
	}
}

func TestLimitsAreTriedWhereTheServerCannotTellThem(t *testing.T) {
	t.Parallel()
	there := newRelative(t, storetest.Empty(t).URL, func(sql string) []pgproto3.BackendMessage {
		if sql == "DISCARD ALL" || strings.Contains(sql, "pg_settings") || strings.Contains(sql, "idle_in_transaction_session_timeout = ") {
			return refusal("42P01")
		}
		return nil
	})
	r, log := newRunner(t, there.url)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 2 { // on a connection each, and told once
		got := look(t, ctx, r)
		if d, err := time.ParseDuration(got.Statement); err != nil || d < 60*time.Second || d > 70*time.Second || got.Idle != "0" || got.Check != "5s" {
			t.Errorf("got %+v, want the limits that the server takes", got)
		}
	}
	const want = `source=tags refused=idle_in_transaction_session_timeout lost="a transaction whose executor died between two statements keeps its locks until the connection breaks"`
	if text := log(); strings.Count(text, want) != 1 || strings.Count(text, "\n") != 1 {
		t.Errorf("the log says\n%s, want once\n%s", text, want)
	}
}

func TestWhatAServerRefusesToBeginWithIsNoFailureOfTheJob(t *testing.T) {
	t.Parallel()
	for name, refuses := range map[string]func(sql string) bool{
		"an isolation level":                  func(sql string) bool { return strings.Contains(sql, "ISOLATION LEVEL") },
		"SET LOCAL":                           func(sql string) bool { return strings.Contains(sql, "SET LOCAL") },
		"several statements at the same time": func(sql string) bool { return strings.Contains(sql, "; ") },
		"and a limit when it is set by itself": func(sql string) bool {
			return strings.Contains(sql, "; ") || strings.HasPrefix(sql, "SET idle_in_transaction_session_timeout")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.Empty(t)
			var asked atomic.Int64
			there := newRelative(t, db.URL, func(sql string) []pgproto3.BackendMessage {
				if strings.Contains(sql, "ISOLATION LEVEL") {
					asked.Add(1)
				}
				if refuses(sql) {
					return refusal("0A000")
				}
				return nil
			})
			r, log := newRunner(t, there.url)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			wantIdle := map[bool]string{true: "0", false: "1min"}[strings.HasPrefix(name, "and a limit")]
			for range 2 {
				got := look(t, ctx, r)
				if d, err := time.ParseDuration(got.Statement); err != nil || d < 60*time.Second || d > 70*time.Second || got.Idle != wantIdle || got.Check != "5s" {
					t.Errorf("the limits are %+v", got)
				}
			}
			_, err := r.Run(ctx, job(`{"statements": [{"statement": "CREATE TABLE left_behind ()"}, {"statement": "SELECT 1/0"}]}`))
			wantFailure(t, err, "22012")
			if storetest.One[bool](db, "SELECT to_regclass('left_behind') IS NOT NULL") {
				t.Error("the statements were no transaction")
			}
			if got := look(t, t.Context(), r); got.Statement != "0" {
				t.Errorf("a job without a deadline has that of another: %+v", got)
			}
			if n := asked.Load(); n != 1 {
				t.Errorf("the server was asked %d times for what it refuses", n)
			}
			if text := log(); strings.Count(text, "transactions have the isolation level of the server") != 1 {
				t.Errorf("the log says\n%s", text)
			}
		})
	}
}

func TestAServerWithoutTransactionsIsUnavailable(t *testing.T) {
	t.Parallel()
	there := newRelative(t, storetest.Empty(t).URL, func(sql string) []pgproto3.BackendMessage {
		if strings.Contains(sql, "BEGIN") {
			return refusal("0A000")
		}
		return nil
	})
	r, _ := newRunner(t, there.url)
	_, err := r.Run(t.Context(), job(settings))
	wantFailure(t, err, "0A000")
	if u := (*executor.Unavailable)(nil); !errors.As(err, &u) {
		t.Errorf("got %v, want that the source is unavailable", err)
	}
}

// newRunner returns a runner with one connection, and what its log was told.
func newRunner(t *testing.T, url string) (*runner.SQL, func() string) {
	t.Helper()
	var (
		mu   sync.Mutex
		text bytes.Buffer
	)
	log := slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return text.Write(p)
	}), nil))
	r, err := runner.NewSQL(t.Context(), map[string]string{"tags": url}, runner.SQLOptions{PoolSize: 1, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r, func() string {
		mu.Lock()
		defer mu.Unlock()
		return text.String()
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func job(payload string) *store.Job {
	return &store.Job{Claim: store.Claim{ID: 42, Attempt: 1}, Tag: "high_value", Payload: json.RawMessage(payload)}
}

func run(t *testing.T, r *runner.SQL, payload string) {
	t.Helper()
	if _, err := r.Run(t.Context(), job(payload)); err != nil {
		t.Fatal(err)
	}
}

// look runs a job that shows its session.
func look(t *testing.T, ctx context.Context, r *runner.SQL) (s session) {
	t.Helper()
	report, err := r.Run(ctx, job(settings))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(report.Value, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// wantFailure checks the code of a failure that may be tried again.
func wantFailure(t *testing.T, err error, code string) {
	t.Helper()
	var f *executor.Failure
	if !errors.As(err, &f) || f.Code != code || f.Permanent {
		t.Errorf("got %v, want a failure %s that may be tried again", err, code)
	}
}
