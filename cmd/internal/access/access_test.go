package access

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/config"
)

const (
	testPassword = "hush-hush"
	testToken    = "0123456789abcdef"
)

// what a request may carry.
var credentials = map[string]func(*http.Request){
	"nothing":         func(*http.Request) {},
	"login":           func(r *http.Request) { r.SetBasicAuth("me", testPassword) },
	"wrong password":  func(r *http.Request) { r.SetBasicAuth("me", "hush") },
	"wrong user":      func(r *http.Request) { r.SetBasicAuth("you", testPassword) },
	"empty login":     func(r *http.Request) { r.SetBasicAuth("", "") },
	"token":           func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+testToken) },
	"wrong token":     func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+testToken[1:]) },
	"empty token":     func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") },
	"token, no word":  func(r *http.Request) { r.Header.Set("Authorization", testToken) },
	"token as a user": func(r *http.Request) { r.SetBasicAuth("", testToken) },
}

var (
	onLoopback = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8089}
	onIPv6     = &net.TCPAddr{IP: net.IPv6loopback, Port: 8089}
	onAll      = &net.TCPAddr{IP: net.IPv4zero, Port: 8089}
	onLAN      = &net.TCPAddr{IP: net.IPv4(10, 0, 0, 7), Port: 8089}
)

// get asks for a path as configured, and returns the status and the text.
func get(c config.Config, listens net.Addr, path, host string, carry func(*http.Request)) (int, string) {
	a := New(c, listens, Viewer)
	mux := http.NewServeMux()
	through := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "let in") })
	mux.Handle("/{$}", a.ToPage(through))
	mux.Handle("/metrics", a.ToMetrics(through))
	r := httptest.NewRequest("GET", "http://x"+path, nil)
	r.Host = host
	carry(r)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// Address × login × token × what the request carries: all of them.
func TestWhoMaySeeTheNumbers(t *testing.T) {
	t.Parallel()
	for _, login := range []bool{false, true} {
		for _, token := range []bool{false, true} {
			var c config.Config
			if login {
				c.HTTPUser, c.HTTPPassword = "me", testPassword
			}
			if token {
				c.MetricsToken = testToken
			}
			for _, listens := range []*net.TCPAddr{onLoopback, onIPv6, onAll, onLAN} {
				for _, path := range []string{"/", "/metrics"} {
					for carries, carry := range credentials {
						want := http.StatusOK
						asks := login || token && path == "/metrics" // for a login
						switch {
						case login && carries == "login", token && path == "/metrics" && carries == "token":
						case asks:
							want = http.StatusUnauthorized
						case !listens.IP.IsLoopback():
							want = http.StatusForbidden
						}
						got, text := get(c, listens, path, "127.0.0.1:8089", carry)
						if got != want {
							t.Errorf("login %t, token %t, on %s, %s with %s: %d, want %d", login, token, listens, path, carries, got, want)
						}
						if (got == http.StatusOK) != (text == "let in") {
							t.Errorf("%d with %q", got, text)
						}
						if strings.Contains(text, testPassword) || strings.Contains(text, testToken) {
							t.Errorf("a secret is told: %s", text)
						}
					}
				}
			}
		}
	}
}

// A name of somebody else's that leads to the loopback address (DNS rebinding) opens
// nothing. A login is asked for by any name: a browser sends it to none but its own.
func TestOnTheLoopbackAddressTheNameCounts(t *testing.T) {
	t.Parallel()
	open := config.Config{UI: config.UI{Hosts: config.List{"ops.example", "fd00::1"}}}
	for host, want := range map[string]int{
		"localhost": 200, "LocalHost:8089": 200, "127.0.0.1": 200, "127.0.0.1:8089": 200, "[::1]": 200, "[::1]:8089": 200, "ops.example": 200, "ops.example:80": 200, "[fd00::1]:8089": 200,
		"": 403, "evil.example": 403, "evil.example:8089": 403, "127.0.0.1.evil.example": 403, "localhost.evil.example:8089": 403, "10.0.0.7": 403, "evil.example:127.0.0.1": 403, "localhost:1:2": 403,
	} {
		for _, path := range []string{"/", "/metrics"} {
			if got, text := get(open, onLoopback, path, host, credentials["nothing"]); got != want || want == 403 && !strings.Contains(text, "TAGEXEC_UI_HOSTS") {
				t.Errorf("%s by %q: %d %s, want %d", path, host, got, text, want)
			}
		}
	}
	locked := config.Config{HTTPUser: "me", HTTPPassword: testPassword, MetricsToken: testToken}
	for carries, want := range map[string]int{"login": 200, "token": 200, "nothing": 401} {
		if got, _ := get(locked, onLoopback, "/metrics", "evil.example", credentials[carries]); got != want {
			t.Errorf("a foreign name with %s: %d, want %d", carries, got, want)
		}
	}
}

func TestAnAddressForAllSaysWhatToSet(t *testing.T) {
	t.Parallel()
	_, text := get(config.Config{}, onAll, "/metrics", "localhost", credentials["nothing"])
	for _, variable := range []string{"TAGEXEC_HTTP_USER", "TAGEXEC_HTTP_PASSWORD", "TAGEXEC_METRICS_TOKEN", "TAGEXEC_HTTP_ADDR"} {
		if !strings.Contains(text, variable) {
			t.Errorf("%s is not named: %s", variable, text)
		}
	}
}

// asker asks a page that has these logins, over a connection from an address.
func asker(c config.Config, free Level, from string, carry func(*http.Request)) (Asker, int) {
	var asker Asker
	r := httptest.NewRequest("GET", "http://localhost/", nil)
	r.RemoteAddr = from
	carry(r)
	w := httptest.NewRecorder()
	New(c, onLoopback, free).ToPage(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asker = Of(r.Context()) })).ServeHTTP(w, r)
	return asker, w.Code
}

// Who a login is, and what it may.
func TestLevels(t *testing.T) {
	t.Parallel()
	both := config.Config{HTTPUser: "me", HTTPPassword: testPassword, UI: config.UI{ViewerUser: "guest", ViewerPassword: "look"}}
	viewerAlone := config.Config{UI: both.UI}
	login := func(user, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(user, password) }
	}
	for _, c := range []struct {
		config config.Config
		carry  func(*http.Request)
		want   Asker
	}{
		{both, login("me", testPassword), Asker{"me", Operator}},
		{both, login("guest", "look"), Asker{"guest", Viewer}},
		{both, login("guest", testPassword), Asker{}},
		{both, login("me", "look"), Asker{}},
		{both, login("ME", testPassword), Asker{}},
		{both, login("", ""), Asker{}},
		{both, credentials["nothing"], Asker{}},
		{viewerAlone, login("guest", "look"), Asker{"guest", Viewer}},
		{viewerAlone, login("", ""), Asker{}},
		{viewerAlone, credentials["nothing"], Asker{}},
		{config.Config{}, credentials["nothing"], Asker{"", Operator}},
		{config.Config{}, login("anybody", "x"), Asker{"", Operator}},
	} {
		got, code := asker(c.config, Operator, "127.0.0.1:1", c.carry)
		if got != c.want || (code == http.StatusOK) != (c.want.Level > 0) {
			t.Errorf("user %q of %+v: %d, %+v, want %+v", c.config.HTTPUser, c.config.UI, code, got, c.want)
		}
	}
	for _, free := range []Level{Viewer, Operator} {
		if got, _ := asker(config.Config{}, free, "127.0.0.1:1", credentials["nothing"]); got.Level != free {
			t.Errorf("whoever is on this host is %v, want %v", got.Level, free)
		}
	}
}

// A proxy is believed by its address; anybody else's header says nothing.
func TestTheProxysHeader(t *testing.T) {
	t.Parallel()
	var proxies config.Networks
	if err := proxies.Decode("10.0.0.0/8, fd00::7"); err != nil {
		t.Fatal(err)
	}
	ui := config.UI{AuthHeader: "X-Forwarded-User", AuthProxies: proxies, Operators: config.List{"olu", "bo"}}
	alone, beside := config.Config{UI: ui}, config.Config{UI: ui, HTTPUser: "me", HTTPPassword: testPassword}
	names := func(header string, values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header[http.CanonicalHeaderKey(header)] = values }
	}
	for what, c := range map[string]struct {
		from  string
		carry func(*http.Request)
		want  Asker
	}{
		"an operator":            {"10.0.0.7:1", names("X-Forwarded-User", "olu"), Asker{"olu", Operator}},
		"another spelling of it": {"10.0.0.7:1", names("x-forwarded-user", "olu"), Asker{"olu", Operator}},
		"somebody":               {"10.0.0.7:1", names("X-Forwarded-User", "ana"), Asker{"ana", Viewer}},
		"a name in capitals":     {"10.0.0.7:1", names("X-Forwarded-User", "OLU"), Asker{"OLU", Viewer}},
		"a part of a name":       {"10.0.0.7:1", names("X-Forwarded-User", "lu"), Asker{"lu", Viewer}},
		"two names in one":       {"10.0.0.7:1", names("X-Forwarded-User", "olu,ana"), Asker{"olu,ana", Viewer}},
		"by IPv6":                {"[fd00::7]:1", names("X-Forwarded-User", "olu"), Asker{"olu", Operator}},
		"by IPv4 in IPv6":        {"[::ffff:10.0.0.7]:1", names("X-Forwarded-User", "olu"), Asker{"olu", Operator}},
		"by IPv6 with a zone":    {"[fd00::7%eth0]:1", names("X-Forwarded-User", "olu"), Asker{}},
		"forged":                 {"192.0.2.7:1", names("X-Forwarded-User", "olu"), Asker{}},
		"forged on this host":    {"127.0.0.1:1", names("X-Forwarded-User", "olu"), Asker{}},
		"forged by IPv6":         {"[fd00::8]:1", names("X-Forwarded-User", "olu"), Asker{}},
		"forged with an address": {"192.0.2.7:1", func(r *http.Request) {
			names("X-Forwarded-User", "olu")(r)
			r.Header.Set("X-Forwarded-For", "10.0.0.7")
		}, Asker{}},
		"twice":                         {"10.0.0.7:1", names("X-Forwarded-User", "olu", "ana"), Asker{}},
		"twice the same":                {"10.0.0.7:1", names("X-Forwarded-User", "olu", "olu"), Asker{}},
		"empty":                         {"10.0.0.7:1", names("X-Forwarded-User", ""), Asker{}},
		"empty and full":                {"10.0.0.7:1", names("X-Forwarded-User", "", "olu"), Asker{}},
		"none":                          {"10.0.0.7:1", credentials["nothing"], Asker{}},
		"another header":                {"10.0.0.7:1", names("X-Remote-User", "olu"), Asker{}},
		"from nowhere":                  {"", names("X-Forwarded-User", "olu"), Asker{}},
		"a socket":                      {"@", names("X-Forwarded-User", "olu"), Asker{}},
		"a login of ours where is none": {"10.0.0.7:1", credentials["login"], Asker{}},
	} {
		got, code := asker(alone, Operator, c.from, c.carry)
		if got != c.want || (code == http.StatusOK) != (c.want.Level > 0) || code != http.StatusOK && code != http.StatusForbidden {
			t.Errorf("%s: %d, %+v, want %+v", what, code, got, c.want)
		}
		if c.want.Level == 0 && what != "a login of ours where is none" {
			if got, code := asker(beside, Operator, c.from, c.carry); got != c.want || code != http.StatusUnauthorized {
				t.Errorf("%s, where there is a login too: %d, %+v", what, code, got)
			}
		}
	}
	if got, _ := asker(beside, Operator, "192.0.2.7:1", credentials["login"]); got != (Asker{"me", Operator}) {
		t.Errorf("the login beside the proxy: %+v", got)
	}
	if got, _ := asker(config.Config{UI: config.UI{AuthHeader: "X-Forwarded-User"}}, Operator, "10.0.0.7:1", names("X-Forwarded-User", "olu")); got != (Asker{}) {
		t.Errorf("without proxies: %+v", got)
	}
}
