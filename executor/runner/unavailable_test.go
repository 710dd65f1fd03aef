package runner_test

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/store"
)

// lacks runs a job and wants an *executor.Unavailable.
func lacks(t *testing.T, r executor.Runner, payload string) (u *executor.Unavailable) {
	t.Helper()
	if _, err := r.Run(t.Context(), job(payload)); !errors.As(err, &u) {
		t.Fatalf("%.80s: got %v, want it to be unavailable", payload, err)
	}
	return u
}

// wantUnavailable runs a job and wants an *executor.Unavailable whose resource is
// needed by that job, is not by the other, and cannot be used as its probe says.
func wantUnavailable(t *testing.T, r executor.Prober, payload, other, name string) *executor.Unavailable {
	t.Helper()
	u := lacks(t, r, payload)
	if u.Resource.Name != name {
		t.Errorf("%s: the resource is %q, want %q", payload, u.Resource.Name, name)
	}
	closed := store.Unavailable{Resource: u.Resource}
	if !closed.NeededBy(job(payload)) {
		t.Errorf("%s does not need %+v", payload, u.Resource)
	}
	if other != "" && closed.NeededBy(job(other)) {
		t.Errorf("%s needs %+v", other, u.Resource)
	}
	return u
}

func wantProbe(t *testing.T, r executor.Prober, u *executor.Unavailable, succeeds bool) {
	t.Helper()
	if err := r.Probe(t.Context(), u.Resource); (err == nil) != succeeds {
		t.Errorf("the probe of %s says %v", u.Resource.Name, err)
	}
}

func TestSQLIsUnavailableWhereNothingWasSent(t *testing.T) {
	t.Parallel()
	good, super := database(t)
	const down = "postgres://u:hush@127.0.0.1:1/x"
	s := newSQL(t, map[string]string{
		"down": down, "login": strings.Replace(good, ":hush@", ":wrong@", 1), "good": good,
	}, runner.SQLOptions{})
	const fine = `{"source": "good", "statement": "SELECT 1"}`
	for source, payload := range map[string]string{
		"down": `{"source": "down", "statement": "SELECT 1"}`, "login": `{"source": "login", "statement": "SELECT 1"}`,
		"elsewhere": `{"source": "elsewhere", "statement": "SELECT 1"}`, "": `{"statement": "SELECT 1"}`,
	} {
		u := wantUnavailable(t, s, payload, fine, `source "`+source+`"`)
		wantProbe(t, s, u, false)
		if strings.Contains(u.Error(), "hush") || strings.Contains(u.Error(), "127.0.0.1") {
			t.Errorf("%q says too much", u.Error())
		}
	}
	if list := s.Resources(); len(list) != 3 {
		t.Errorf("resources %v", list)
	}
	for _, r := range s.Resources() {
		if err := s.Probe(t.Context(), r); (err == nil) != (r.Name == `source "good"`) {
			t.Errorf("the probe of %s says %v", r.Name, err)
		}
	}

	alone := newSQL(t, map[string]string{"down": down}, runner.SQLOptions{})
	if u := wantUnavailable(t, alone, `{"statement": "SELECT 1"}`, "", `source "down"`); !(store.Unavailable{Resource: u.Resource}).NeededBy(job(fine)) {
		t.Errorf("%+v: all jobs need the only source", u.Resource)
	}

	// What was sent may have run.
	_, err := s.Run(t.Context(), job(`{"source": "good", "statement": "SELECT pg_terminate_backend(pg_backend_pid())"}`))
	var u *executor.Unavailable
	if err == nil || errors.As(err, &u) {
		t.Errorf("a statement that was sent: %v", err)
	}
	// Nothing was sent but BEGIN, on a connection that was idle.
	must(t, super, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	if _, err := s.Run(t.Context(), job(fine)); err != nil && !errors.As(err, &u) {
		t.Errorf("a connection that was idle: %v", err)
	}
}

func TestCommandIsUnavailableWhereNothingWasStarted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c, err := runner.NewCommand(runner.CommandOptions{Dir: dir, EnvSettable: []string{"B"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	const other = `{"env": {"B": ""}, "command": "other"}`
	missing := wantUnavailable(t, c, `{"command": "late"}`, other, `command "late"`)
	wantProbe(t, c, missing, false)
	writeScript(t, dir, "late", "true")
	wantProbe(t, c, missing, true)
	if _, err := c.Run(t.Context(), job(`{"command": "late"}`)); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "garbage"), []byte("\x01\x02\x03"), 0o755); err != nil {
		t.Fatal(err)
	}
	wantUnavailable(t, c, `{"command": "garbage"}`, other, `command "garbage"`)
	writeExecutable(t, dir, "strange", "#!/nowhere/python\n")
	wantProbe(t, c, wantUnavailable(t, c, `{"command": "strange"}`, other, `command "strange"`), false)
	if err := os.Chmod(filepath.Join(dir, "late"), 0o644); err != nil {
		t.Fatal(err)
	}
	wantProbe(t, c, wantUnavailable(t, c, `{"command": "late"}`, other, `command "late"`), false)
	writeScript(t, dir, "run", "true")
	wantProbe(t, c, wantUnavailable(t, c, `{"env": {"A": "", "B": ""}, "command": "run"}`, other, `variable "A"`), false)
	if u := lacks(t, c, `{"command": "`+strings.Repeat("n", 100_000)+`"}`); u.Resource.Name != "" {
		t.Errorf("claims are to leave out %.80q", u.Resource.Name)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	wantProbe(t, c, wantUnavailable(t, c, `{"command": "run"}`, "", "commands"), false)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, r := range c.Resources() {
		if err := c.Probe(t.Context(), r); err != nil {
			t.Error(err)
		}
	}
}

func TestCommandIsUnavailableWithoutAWorkingDirectory(t *testing.T) {
	c := commands(t, "true", nil)
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "gone"))
	wantProbe(t, c, wantUnavailable(t, c, `{"command": "run"}`, "", "commands"), false)
}

func TestHTTPIsUnavailableWhereNothingWasSent(t *testing.T) {
	t.Parallel()
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, down.URL, http.StatusTemporaryRedirect)
			return
		}
		panic(http.ErrAbortHandler)
	})
	dir := secrets(t, map[string]string{"here": up.URL + "\nvalue"})
	h := newHTTP(t, runner.HTTPOptions{Origins: []string{down.URL, up.URL, "https://nowhere.invalid"}, SecretsDir: dir})
	other := `{"url": "` + up.URL + `", "headers": {"X": {"secret": "here"}}}`
	for payload, name := range map[string]string{
		`{"url": "` + down.URL + `"}`:                                     "origin " + down.URL,
		`{"url": "` + down.URL + `/path?query"}`:                          "origin " + down.URL,
		`{"url": "https://nowhere.invalid#there"}`:                        "origin https://nowhere.invalid:443",
		`{"url": "https://nowhere.invalid:443?x"}`:                        "origin https://nowhere.invalid:443",
		`{"url": "https://elsewhere.invalid/"}`:                           "origin https://elsewhere.invalid:443",
		`{"url": "` + up.URL + `", "headers": {"X": {"secret": "gone"}}}`: `secret "gone"`,
	} {
		wantProbe(t, h, wantUnavailable(t, h, payload, other, name), false)
	}
	r := store.Unavailable{Resource: lacks(t, h, `{"url": "https://nowhere.invalid"}`).Resource}
	if r.NeededBy(job(`{"url": "https://nowhere.invalid.example/"}`)) || r.NeededBy(job(`{"url": "https://nowhere.invalid:4430/"}`)) {
		t.Errorf("%+v is needed by another origin's job", r.Resource)
	}
	for _, sent := range []string{"/", "/away"} {
		_, err := h.Run(t.Context(), job(`{"url": "`+up.URL+sent+`"}`))
		var u *executor.Unavailable
		if err == nil || errors.As(err, &u) {
			t.Errorf("%s: something was sent, but got %v", sent, err)
		}
	}
}

// A connection is of no use without TLS: neither to jobs nor to the probe.
func TestHTTPIsUnavailableWithoutACertificateThatIsKnown(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	h := newHTTP(t, runner.HTTPOptions{Origins: []string{s.URL}})
	u := wantUnavailable(t, h, `{"url": "`+s.URL+`"}`, "", "origin "+s.URL)
	wantProbe(t, h, u, false)
	if !strings.Contains(u.Error(), "certificate") {
		t.Errorf("got %v", u)
	}
}

// Who reads a pipe in which nobody writes waits for ever.
func TestHTTPDoesNotWaitForASecret(t *testing.T) {
	t.Parallel()
	s := serve(t, http.NotFound)
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := newHTTP(t, runner.HTTPOptions{Origins: []string{s.URL}, SecretsDir: dir})
	u := wantUnavailable(t, h, `{"url": "`+s.URL+`", "headers": {"X": {"secret": "pipe"}}}`, "", `secret "pipe"`)
	wantProbe(t, h, u, false)
}

// A peer that vanishes is another matter than one that was never there.
func TestAPeerThatVanishesIsNotUnavailable(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"before the answer": "", "in its header": "HTTP/1.1 200 OK\r\n", "in its body": "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbody",
	} {
		for how, linger := range map[string]int{"closes": -1, "resets": 0} {
			t.Run(how+" "+name, func(t *testing.T) {
				t.Parallel()
				s := serveRaw(t, func(conn net.Conn, _ *http.Request, _ int) bool {
					_, _ = conn.Write([]byte(answer))
					_ = conn.(*net.TCPConn).SetLinger(linger)
					return false
				})
				h := newHTTP(t, runner.HTTPOptions{Origins: []string{s.url}})
				_, err := h.Run(t.Context(), job(`{"method": "POST", "url": "`+s.url+`"}`))
				wantFailure(t, err, "http_error", false, "the connection was closed before the answer was complete")
				if u := (*executor.Unavailable)(nil); errors.As(err, &u) {
					t.Errorf("it counts as unavailable: %v", err)
				}
			})
		}
	}
}
