package runner_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
)

// serve starts a server for a test.
func serve(t testing.TB, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s
}

func newHTTP(t testing.TB, opt runner.HTTPOptions) *runner.HTTP {
	t.Helper()
	h, err := runner.NewHTTP(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// secrets writes a secrets directory of name → content.
func secrets(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestHTTPSendsWhatThePayloadSays(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %s|%s|%s|%s|%s|%s", r.Method, r.URL, r.Header.Get("Content-Type"), body,
			r.Header.Get("Idempotency-Key"), r.Header.Get("Tagexec-Attempt"), r.Header.Get("User-Agent"))
	})
	h := newHTTP(t, runner.HTTPOptions{Origins: []string{s.URL}})
	tests := []struct{ name, payload, want string }{
		{"no body is a GET", `{"url":"URL/a?b=c#d"}`, "GET /a?b=c|||tagexec-42|2|tagexec"},
		{"a body is a POST of JSON", `{"url":"URL/","body":{"tag": "x"}}`, `POST /|application/json|{"tag": "x"}|tagexec-42|2|tagexec`},
		{"an array is JSON", `{"url":"URL/","body":[1]}`, `POST /|application/json|[1]|tagexec-42|2|tagexec`},
		{"a string is sent as it is", `{"url":"URL/","body":"a=1"}`, `POST /|text/plain; charset=utf-8|a=1|tagexec-42|2|tagexec`},
		{"a content type of the payload wins", `{"url":"URL/","body":"a=1","headers":{"content-type":"application/x-www-form-urlencoded"}}`,
			`POST /|application/x-www-form-urlencoded|a=1|tagexec-42|2|tagexec`},
		{"a method of the payload", `{"method":"put","url":"URL/","body":1}`, `PUT /|application/json|1|tagexec-42|2|tagexec`},
		{"a DELETE without a body", `{"method":"DELETE","url":"URL/x"}`, `DELETE /x|||tagexec-42|2|tagexec`},
		{"null is left out", `{"method":null,"url":"URL/","body":null,"headers":null}`, `GET /|||tagexec-42|2|tagexec`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := h.Run(t.Context(), job(strings.ReplaceAll(tt.payload, "URL", s.URL)))
			if err != nil {
				t.Fatal(err)
			}
			if out.Output != tt.want || out.OutputBytes != int64(len(tt.want)) || *out.ExitCode != 200 || out.Value != nil {
				t.Errorf("got %q (%d bytes, status %d), want %q", out.Output, out.OutputBytes, *out.ExitCode, tt.want)
			}
		})
	}
}

func TestHTTPRefusals(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	s := serve(t, func(http.ResponseWriter, *http.Request) { requests.Add(1) })
	dir := secrets(t, map[string]string{
		"other":   "https://api.example.com\nBearer abc",
		"empty":   "",
		"alone":   s.URL + "\n",
		"prose":   "Bearer abc\n",
		"pathful": s.URL + "/path\nabc",
		"long":    s.URL + "\nabc\ndef",
	})
	h := newHTTP(t, runner.HTTPOptions{Origins: []string{s.URL, "https://listed.example"}, SecretsDir: dir})
	tests := []struct {
		name, payload, code string
		permanent           bool
		message             string
	}{
		{"unknown field", `{"url":"URL","verb":"GET"}`, "bad_payload", true, `unknown field "verb" (known: method, url, headers, body, traceparent)`},
		{"url left out", `{}`, "bad_payload", true, "url is missing"},
		{"url of a wrong type", `{"url":["x"]}`, "bad_payload", true, "url must be a string, not an array"},
		{"relative url", `{"url":"/path"}`, "bad_payload", true, "must begin with http:// or https://"},
		{"other scheme", `{"url":"file:///etc/passwd"}`, "bad_payload", true, "must begin with http:// or https://"},
		{"opaque url", `{"url":"http:host"}`, "bad_payload", true, "has no host"},
		{"no host", `{"url":"http:///x"}`, "bad_payload", true, "has no host"},
		{"not a url", `{"url":"http://a b"}`, "bad_payload", true, "url is not a URL"},
		{"bad port", `{"url":"http://host:99999/"}`, "bad_payload", true, "1 to 65535"},
		{"user and password", `{"url":"http://me:pass@HOST/"}`, "bad_payload", true, "no user and password"},
		{"look-alike host", `{"url":"https://l\u0456sted.example/"}`, "bad_payload", true, "punycode"},
		{"method unknown", `{"method":"TRACE","url":"URL"}`, "bad_payload", true, `method "TRACE" is none of GET`},
		{"method with a line break", `{"method":"GET\r\nX: y","url":"URL"}`, "bad_payload", true, "is none of"},
		{"GET with a body", `{"method":"GET","url":"URL","body":{}}`, "bad_payload", true, "GET takes no body"},
		{"headers no object", `{"url":"URL","headers":[]}`, "bad_payload", true, "headers must be an object"},
		{"header of a wrong type", `{"url":"URL","headers":{"X":1}}`, "bad_payload", true, `headers: "X" must be a string or`},
		{"header name with a space", `{"url":"URL","headers":{"X Y":"1"}}`, "bad_payload", true, `"X Y" cannot be the name`},
		{"header with a line break", `{"url":"URL","headers":{"X":"1\r\nHost: evil"}}`, "bad_payload", true, "X holds a control character"},
		{"own header", `{"url":"URL","headers":{"idempotency-KEY":"1"}}`, "bad_payload", true, "Idempotency-Key is set by the executor"},
		{"host header", `{"url":"URL","headers":{"host":"evil"}}`, "bad_payload", true, "Host is set by the executor"},
		{"header twice", `{"url":"URL","headers":{"x-a":"1","X-A":"2"}}`, "bad_payload", true, "X-A is there twice"},
		{"secret with an unknown field", `{"url":"URL","headers":{"X":{"secret":"a","prefix":"b"}}}`, "bad_payload", true, `unknown field "prefix" (known: secret)`},
		{"secret without a name", `{"url":"URL","headers":{"X":{}}}`, "bad_payload", true, "secret is missing"},
		{"secret with a path", `{"url":"URL","headers":{"X":{"secret":"../etc/passwd"}}}`, "bad_payload", true, "plain file name"},
		{"origin not listed", `{"url":"https://evil.example/path?x"}`, "origin_not_allowed", false, "origin https://evil.example:443 is not"},
		{"other port of a listed host", `{"url":"https://listed.example:8443/"}`, "origin_not_allowed", false, "https://listed.example:8443"},
		{"other scheme of a listed host", `{"url":"http://listed.example/"}`, "origin_not_allowed", false, "http://listed.example:80"},
		{"subdomain of a listed host", `{"url":"https://a.listed.example/"}`, "origin_not_allowed", false, "a.listed.example"},
		{"listed host as a prefix", `{"url":"https://listed.example.evil.example/"}`, "origin_not_allowed", false, "evil.example"},
		{"secret that is not there", `{"url":"URL","headers":{"X":{"secret":"nope"}}}`, "secret_not_allowed", false, `secret "nope": it is not in the secrets directory`},
		{"secret of another origin", `{"url":"URL","headers":{"X":{"secret":"other"}}}`, "secret_not_allowed", false, `secret "other" is bound to another origin`},
		{"secret file that is empty", `{"url":"URL","headers":{"X":{"secret":"empty"}}}`, "secret_not_allowed", false, "first line"},
		{"secret file without a value", `{"url":"URL","headers":{"X":{"secret":"alone"}}}`, "secret_not_allowed", false, "second line"},
		{"secret file without an origin", `{"url":"URL","headers":{"X":{"secret":"prose"}}}`, "secret_not_allowed", false, "first line"},
		{"secret file with a path", `{"url":"URL","headers":{"X":{"secret":"pathful"}}}`, "secret_not_allowed", false, "first line"},
		{"secret file with a third line", `{"url":"URL","headers":{"X":{"secret":"long"}}}`, "secret_not_allowed", false, "nothing may follow"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			payload := strings.NewReplacer("URL", s.URL, "HOST", strings.TrimPrefix(s.URL, "http://")).Replace(tt.payload)
			_, err := h.Run(t.Context(), job(payload))
			f := wantFailure(t, err, tt.code, tt.permanent, tt.message)
			if strings.Contains(f.Message, "abc") || strings.Contains(f.Message, "pass@") {
				t.Errorf("message %q holds a secret", f.Message)
			}
		})
	}
	if n := requests.Load(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestNewHTTPListsEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := runner.NewHTTP(runner.HTTPOptions{
		Origins:    []string{"https://ok.example", "ftp://x", "https://me:pass@host", "https://host/path", "nonsense"},
		SecretsDir: filepath.Join(t.TempDir(), "missing"),
		MaxBody:    -1,
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"origin 2 of 5", "origin 3 of 5", "origin 4 of 5", "origin 5 of 5", "secrets directory", "body limit"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error does not name %s:\n%v", part, err)
		}
	}
	if strings.Contains(err.Error(), "pass") || strings.Contains(err.Error(), "origin 1") {
		t.Errorf("error says too much:\n%v", err)
	}
	if _, err := runner.NewHTTP(runner.HTTPOptions{}); err == nil {
		t.Error("no origin was accepted")
	}
}

func TestHTTPOriginsAreNormalised(t *testing.T) {
	t.Parallel()
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	port := s.Listener.Addr().String()[len("127.0.0.1:"):]
	h := newHTTP(t, runner.HTTPOptions{Origins: []string{"HTTP://LocalHost:0" + port + "/"}})
	if _, err := h.Run(t.Context(), job(`{"url":"hTTp://LOCALHOST:`+port+`/x"}`)); err != nil {
		t.Error(err)
	}
	_, err := h.Run(t.Context(), job(`{"url":"`+s.URL+`"}`))
	wantFailure(t, err, "origin_not_allowed", false)
}

func TestHTTPStatus(t *testing.T) {
	t.Parallel()
	date := time.Now().Add(-time.Hour).UTC() // a clock that is an hour off
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var status int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
		if after := r.URL.Query().Get("after"); after != "" {
			w.Header().Set("Retry-After", after)
		}
		w.Header().Set("Date", date.Format(http.TimeFormat))
		w.WriteHeader(status)
		if status != http.StatusNoContent && status != http.StatusNotModified {
			_, _ = io.WriteString(w, ` {"error": "the answer"} `)
		}
	})
	h := newHTTP(t, runner.HTTPOptions{Origins: []string{s.URL}})
	tests := []struct {
		status     int
		after      string
		success    bool
		permanent  bool
		retryAfter time.Duration
		text       string
	}{
		{200, "", true, false, 0, ""},
		{204, "", true, false, 0, ""},
		{299, "", true, false, 0, ""},
		{304, "", false, true, 0, "304 Not Modified"},
		{400, "7", false, true, 0, "400 Bad Request"},
		{404, "", false, true, 0, "404 Not Found"},
		{408, "", false, false, 0, "408 Request Timeout"},
		{425, "", false, false, 0, "425 Too Early"},
		{429, "7", false, false, 7 * time.Second, "429 Too Many Requests"},
		{429, "999999999999", false, false, time.Hour, "429"},
		{429, "-5", false, false, 0, "429"},
		{429, "soon", false, false, 0, "429"},
		{500, "", false, false, 0, "500 Internal Server Error"},
		{503, "0", false, false, 0, "503 Service Unavailable"},
		{503, date.Add(90 * time.Second).Format(http.TimeFormat), false, false, 90 * time.Second, "503"},
		{503, date.Add(-time.Minute).Format(http.TimeFormat), false, false, 0, "503"},
		{503, date.Add(24 * time.Hour).Format(http.TimeFormat), false, false, time.Hour, "503"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status, tt.after), func(t *testing.T) {
			out, err := h.Run(t.Context(), job(fmt.Sprintf(`{"method":"POST","url":"%s/%d?token=hush&after=%s"}`, s.URL, tt.status, url.QueryEscape(tt.after))))
			if out.ExitCode == nil || *out.ExitCode != int32(tt.status) {
				t.Errorf("exit code %v, want %d", out.ExitCode, tt.status)
			}
			if tt.status != 204 && tt.status != 304 {
				wantJSON(t, out.Value, `{"error":"the answer"}`)
			}
			if tt.success {
				if err != nil {
					t.Error(err)
				}
				return
			}
			f := wantFailure(t, err, "http_status", tt.permanent, fmt.Sprintf("POST %s answered %s", s.URL, tt.text))
			if f.RetryAfter != tt.retryAfter {
				t.Errorf("retry after %s, want %s", f.RetryAfter, tt.retryAfter)
			}
			if strings.Contains(f.Message, "hush") {
				t.Errorf("message %q holds the query", f.Message)
			}
		})
	}
}

// After Hatchet's TestDeliver_RedirectNotFollowed: followed only to an allowed origin.
func TestHTTPRedirects(t *testing.T) {
	t.Parallel()
	const value = "Bearer t0k3n/+=&?"
	var foreign atomic.Int32
	evil := serve(t, func(http.ResponseWriter, *http.Request) { foreign.Add(1) })
	show := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %s auth=%v key=%v plain=%v referer=%v attempt=%s", r.Method, body, r.Header["Authorization"], r.Header["X-Key"],
			r.Header["X-Plain"], r.Header["Referer"], r.Header.Get("Tagexec-Attempt"))
	}
	friend := serve(t, show)
	home := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/end" {
			// The server echoes what it was sent, in every spelling.
			token := strings.TrimPrefix(r.Header.Get("X-Key"), "Bearer ")
			_, _ = fmt.Fprintf(w, "%s %q %s %s ", r.Method, r.Header.Get("X-Key"), url.QueryEscape(token), base64.StdEncoding.EncodeToString([]byte(token)))
			return
		}
		var status int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
		w.Header().Set("Location", r.URL.Query().Get("to"))
		w.WriteHeader(status)
	})
	h := newHTTP(t, runner.HTTPOptions{
		Origins:    []string{home.URL, friend.URL},
		SecretsDir: secrets(t, map[string]string{"key": home.URL + "\n" + value + "\n"}),
	})
	headers := `"headers":{"X-Key":{"secret":"key"},"Authorization":{"secret":"key"},"X-Plain":"plain"}`
	run := func(t *testing.T, method string, status int, to, body string) (executor.Report, error) {
		t.Helper()
		out, err := h.Run(t.Context(), job(fmt.Sprintf(`{"method":"%s","url":"%s/%d?to=%s",%s%s}`, method, home.URL, status, url.QueryEscape(to), headers, body)))
		for _, text := range []string{out.Output, string(out.Value), fmt.Sprint(err)} {
			for _, form := range []string{"t0k3n", url.QueryEscape("t0k3n/+=&?"), base64.StdEncoding.EncodeToString([]byte("t0k3n/+=&?"))} {
				if strings.Contains(text, form) {
					t.Errorf("%q holds the secret", text)
				}
			}
		}
		return out, err
	}
	t.Run("to a foreign origin nothing is sent", func(t *testing.T) {
		for _, status := range []int{301, 302, 303, 307, 308} {
			_, err := run(t, "GET", status, evil.URL, "")
			wantFailure(t, err, "origin_not_allowed", false, evil.URL)
		}
		if n := foreign.Load(); n != 0 {
			t.Errorf("%d requests reached it", n)
		}
	})
	t.Run("to another listed origin the payload's headers stay behind", func(t *testing.T) {
		out, err := run(t, "POST", 307, friend.URL, `,"body":{"a":1}`)
		if want := `POST {"a":1} auth=[] key=[] plain=[] referer=[] attempt=2`; err != nil || out.Output != want {
			t.Errorf("got %q, %v, want %q", out.Output, err, want)
		}
	})
	t.Run("within the origin they are kept, and the echo is redacted", func(t *testing.T) {
		out, err := run(t, "POST", 308, home.URL+"/end", `,"body":1`)
		if want := `POST "[redacted]" [redacted] [redacted] `; err != nil || out.Output != want {
			t.Errorf("got %q, %v, want %q", out.Output, err, want)
		}
	})
	t.Run("a POST does not become a GET by 301 or 302", func(t *testing.T) {
		for _, status := range []int{301, 302} {
			_, err := run(t, "POST", status, friend.URL, "")
			wantFailure(t, err, "http_status", true, "turn the request into a GET")
		}
	})
	t.Run("a POST becomes a GET by 303", func(t *testing.T) {
		out, err := run(t, "POST", 303, friend.URL, `,"body":1`)
		if err != nil || !strings.HasPrefix(out.Output, "GET  auth=[]") {
			t.Errorf("got %q, %v", out.Output, err)
		}
	})
	t.Run("user and password in a redirect are refused", func(t *testing.T) {
		_, err := run(t, "GET", 302, strings.Replace(friend.URL, "http://", "http://me:hush@", 1), "")
		if f := wantFailure(t, err, "http_redirects", true); strings.Contains(f.Message, "hush") {
			t.Errorf("message %q", f.Message)
		}
	})
	t.Run("another scheme is refused", func(t *testing.T) {
		_, err := run(t, "GET", 302, "file:///etc/passwd", "")
		wantFailure(t, err, "http_redirects", true)
	})
	t.Run("five redirects are followed, six are not", func(t *testing.T) {
		to := home.URL + "/end"
		for range 4 {
			to = home.URL + "/302?to=" + url.QueryEscape(to)
		}
		if _, err := run(t, "GET", 302, to, ""); err != nil {
			t.Error(err)
		}
		_, err := run(t, "GET", 302, home.URL+"/302?to="+url.QueryEscape(to), "")
		wantFailure(t, err, "http_redirects", true, "more than 5 redirects")
	})
}

func TestHTTPSecretsAreRedactedWhereTheBodyIsCut(t *testing.T) {
	t.Parallel()
	const value = "s3cr3t-value-that-is-long"
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 1000-10)+r.Header.Get("X-Key"))
	})
	h := newHTTP(t, runner.HTTPOptions{Origins: []string{s.URL}, MaxBody: 1000,
		SecretsDir: secrets(t, map[string]string{"key": s.URL + "\r\n" + value + "\r\n"})})
	out, err := h.Run(t.Context(), job(`{"url":"`+s.URL+`","headers":{"X-Key":{"secret":"key"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.Output, "s3cr") || !strings.Contains(out.Output, "[redacted]") || out.OutputBytes != 1000 {
		t.Errorf("output %q", out.Output[900:])
	}
}

func TestHTTPBasicPasswordIsRedacted(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		_, _ = fmt.Fprintf(w, `{"user":%q,"password":%q}`, user, password)
	})
	h := newHTTP(t, runner.HTTPOptions{Origins: []string{s.URL},
		SecretsDir: secrets(t, map[string]string{"key": s.URL + "\nBasic " + base64.StdEncoding.EncodeToString([]byte("me:hush-hush"))})})
	out, err := h.Run(t.Context(), job(`{"url":"`+s.URL+`","headers":{"Authorization":{"secret":"key"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	wantJSON(t, out.Value, `{"user":"me","password":"[redacted]"}`)
}

// After Hatchet's TestDeliver_ResponseTooLarge.
func TestHTTPHugeBodyIsReadToItsLimit(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		chunk := []byte(strings.Repeat("0123456789abcdef", 4096))
		for range 1000 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	h := newHTTP(t, runner.HTTPOptions{Origins: []string{s.URL}})
	out, err := h.Run(t.Context(), job(`{"url":"`+s.URL+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	if out.OutputBytes != 1<<20 || len(out.Output) > 66_000 || !strings.Contains(out.Output, "longer than 1,048,576 bytes") {
		t.Errorf("%d bytes counted, %d kept", out.OutputBytes, len(out.Output))
	}
}

func TestHTTPEndOfTheContextEndsTheRequest(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"before the answer", "within the body"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			entered, left := make(chan struct{}), make(chan struct{})
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if when == "within the body" {
					_, _ = io.WriteString(w, "begun")
					_ = http.NewResponseController(w).Flush()
				}
				close(entered)
				<-r.Context().Done() // the connection is closed
				close(left)
			})
			h := newHTTP(t, runner.HTTPOptions{Origins: []string{s.URL}})
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			run := start(ctx, h, `{"url":"`+s.URL+`/x"}`)
			<-entered
			cancel(executor.ErrCancelled)
			run.within(t, 10*time.Second)
			<-left
			if !errors.Is(run.err, executor.ErrCancelled) {
				t.Errorf("got %v", run.err)
			}
		})
	}
}

func TestHTTPNetworkErrors(t *testing.T) {
	t.Parallel()
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	broken := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/half" {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
		}
		panic(http.ErrAbortHandler)
	})
	tls := httptest.NewUnstartedServer(http.NotFoundHandler())
	tls.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains about us
	tls.StartTLS()
	t.Cleanup(tls.Close)
	h := newHTTP(t, runner.HTTPOptions{Origins: []string{down.URL, broken.URL, tls.URL, "http://nowhere.invalid"}})
	for name, tt := range map[string]struct{ url, message string }{
		"nobody listens":       {down.URL, "connection refused"},
		"no such host":         {"http://nowhere.invalid", ""},
		"closed at once":       {broken.URL, "closed before the answer"},
		"closed within a body": {broken.URL + "/half", "closed before the answer"},
		"unknown certificate":  {tls.URL, "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.Run(t.Context(), job(`{"method":"POST","url":"`+tt.url+`?token=hush"}`))
			if f := wantFailure(t, err, "http_error", false, "POST "+strings.TrimSuffix(tt.url, "/half"), tt.message); strings.Contains(f.Message, "hush") || strings.Contains(f.Message, "half") {
				t.Errorf("message %q holds the path or the query", f.Message)
			}
		})
	}
}

func TestHTTPIgnoresTheProxyOfTheEnvironment(t *testing.T) {
	var proxied atomic.Int32
	proxy := serve(t, func(http.ResponseWriter, *http.Request) { proxied.Add(1) })
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	h := newHTTP(t, runner.HTTPOptions{Origins: []string{"http://nowhere.invalid"}})
	_, err := h.Run(t.Context(), job(`{"url":"http://nowhere.invalid"}`))
	wantFailure(t, err, "http_error", false)
	if proxied.Load() != 0 {
		t.Error("the proxy was asked")
	}
}

func FuzzHTTPPayload(f *testing.F) {
	for _, seed := range []string{
		`{"method":"POST","url":"https://x.example/","headers":{"A":{"secret":"b"},"C":"d"},"body":{"e":1}}`,
		`{"url":"http://[::1]:80/"}`, `{"url":"http://listed.example/","headers":{"A":"\u0000"}}`,
	} {
		f.Add([]byte(seed))
	}
	// Only a port that nobody can listen on is listed.
	h := newHTTP(f, runner.HTTPOptions{Origins: []string{"http://listed.invalid:1"}})
	f.Fuzz(func(t *testing.T, payload []byte) { fuzzRefused(t, h, payload) })
}
