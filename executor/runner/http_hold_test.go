package runner_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
)

// endless writes a beginning and then a text again and again, until the
// connection is closed.
func endless(begin, again string) func(net.Conn, *http.Request, int) bool {
	return func(conn net.Conn, _ *http.Request, _ int) bool {
		_, err := conn.Write([]byte(begin))
		for err == nil {
			_, err = conn.Write([]byte(again))
		}
		return false
	}
}

// silent writes a beginning and then nothing, until the connection is closed.
func silent(begin string) func(net.Conn, *http.Request, int) bool {
	return func(conn net.Conn, _ *http.Request, _ int) bool {
		_, _ = conn.Write([]byte(begin))
		_, _ = conn.Read(make([]byte, 1))
		return false
	}
}

// Answers that end by themselves, however the server goes on.
func TestHTTPAnswersWithoutAnEndAreLeft(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, tt := range map[string]struct {
		answer        func(net.Conn, *http.Request, int) bool
		code, message string // "" for success
		status        int32
	}{
		"another protocol":              {silent("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"), "http_status", "answered 101 Switching Protocols (Upgrade: websocket)", 101},
		"another protocol that talks":   {endless("HTTP/1.1 101 Switching Protocols\r\n\r\n", "x"), "http_status", "answered 101", 101},
		"informational without an end":  {endless("", "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"), "http_error", "", 0},
		"headers without an end":        {endless(ok, "X-A: b\r\n"), "http_error", "the header of the answer is longer than 65,536 bytes", 0},
		"a header line without an end":  {endless(ok+"X-A: ", "bbbbbbbbbbbbbbbb"), "http_error", "the header of the answer is longer than 65,536 bytes", 0},
		"a body without an end":         {endless(ok+"\r\n", "0123456789abcdef"), "", "", 200},
		"chunks without an end":         {endless(ok+"Transfer-Encoding: chunked\r\n\r\n", "10\r\n0123456789abcdef\r\n"), "", "", 200},
		"a chunk's head without an end": {endless(ok+"Transfer-Encoding: chunked\r\n\r\n10;", "xxxxxxxxxxxxxxxx"), "http_error", "", 200},
		"trailers without an end":       {endless(ok+"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", "X-A: b\r\n"), "http_error", "", 200},
		"empty chunks' heads":           {endless(ok+"Transfer-Encoding: chunked\r\n\r\n", "1;xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\nx\r\n"), "http_error", "", 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serveRaw(t, tt.answer)
			h := newHTTP(t, runner.HTTPOptions{Origins: []string{s.url}})
			run := start(t.Context(), h, `{"url":"`+s.url+`/x"}`)
			run.within(t, 30*time.Second)
			if tt.code == "" {
				if run.err != nil || !strings.Contains(run.out.Output, "longer than 1,048,576 bytes") {
					t.Errorf("got %.100s, %v", run.out.Output, run.err)
				}
			} else {
				wantFailure(t, run.err, tt.code, tt.status == 101, tt.message)
			}
			if tt.status > 0 && (run.out.ExitCode == nil || *run.out.ExitCode != tt.status) {
				t.Errorf("status %v, want %d", run.out.ExitCode, tt.status)
			}
			if n := s.requests.Load(); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// Answers that only the end of the context ends.
func TestHTTPEndOfTheContextEndsAnyAnswer(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, begin := range map[string]string{
		"nothing":         "",
		"half a status":   "HTTP/1.1 20",
		"a 103":           "HTTP/1.1 103 Early Hints\r\n\r\n",
		"half a header":   ok + "Content-Ty",
		"a length":        ok + "Content-Length: 10\r\n\r\n",
		"half a body":     ok + "Content-Length: 10\r\n\r\n12345",
		"half a chunk":    ok + "Transfer-Encoding: chunked\r\n\r\n10\r\n0123",
		"no trailer":      ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n",
		"half a gzip":     ok + "Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00",
		"a redirect":      "HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 10\r\n\r\n",
		"a refusal":       "HTTP/1.1 500 No\r\nContent-Length: 10\r\n\r\n",
		"one byte of two": ok + "\r\n1",
	} {
		for _, cause := range []error{executor.ErrCancelled, executor.ErrTimeout, executor.ErrShutdown} {
			t.Run(fmt.Sprint(name, ", ", cause), func(t *testing.T) {
				t.Parallel()
				answering := make(chan struct{}, 10)
				s := serveRaw(t, func(conn net.Conn, r *http.Request, nth int) bool {
					answering <- struct{}{}
					return silent(begin)(conn, r, nth)
				})
				h := newHTTP(t, runner.HTTPOptions{Origins: []string{s.url}})
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				run := start(ctx, h, `{"url":"`+s.url+`/x"}`)
				<-answering
				cancel(cause)
				run.within(t, 10*time.Second)
				if !errors.Is(run.err, cause) {
					t.Errorf("got %v", run.err)
				}
			})
		}
	}
}

// A server that answers the first request of a connection, and reads and closes
// every later one without an answer: Go would send those again by itself.
func TestHTTPSendsARequestOnce(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		for _, body := range []string{"", `,"body":{"a":1}`} {
			if body != "" && (method == "GET" || method == "HEAD") {
				continue
			}
			t.Run(method+body, func(t *testing.T) {
				t.Parallel()
				s := serveRaw(t, func(conn net.Conn, r *http.Request, nth int) bool {
					if nth > 1 {
						return false
					}
					_, _ = r.Body.Read(make([]byte, 100))
					_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
					return true
				})
				h := newHTTP(t, runner.HTTPOptions{Origins: []string{s.url}})
				for range 6 {
					before := s.requests.Load()
					_, err := h.Run(t.Context(), job(`{"method":"`+method+`","url":"`+s.url+`"`+body+`}`))
					if n := s.requests.Load() - before; n != 1 {
						t.Errorf("%d requests of one attempt, which ended with %v", n, err)
					}
				}
			})
		}
	}
	t.Run("closed without an answer", func(t *testing.T) {
		t.Parallel()
		s := serveRaw(t, says(""))
		h := newHTTP(t, runner.HTTPOptions{Origins: []string{s.url}})
		_, err := h.Run(t.Context(), job(`{"method":"POST","url":"`+s.url+`","body":1}`))
		wantFailure(t, err, "http_error", false, "closed before the answer")
		if n := s.requests.Load(); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}
