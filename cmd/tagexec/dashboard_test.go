package main

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/store/storetest"
)

// askPage asks for a path of a page.
func askPage(t *testing.T, address, path, user string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		r.SetBasicAuth(user, "hush-hush")
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// dashboard starts one, and returns its address, which is all that it prints.
func dashboard(t *testing.T, env ...string) (p *clitest.Process, address string) {
	t.Helper()
	p = clitest.Launch(t, "tagexec", []string{"dashboard"}, append([]string{"TAGEXEC_HTTP_ADDR=127.0.0.1:0"}, env...)...)
	line := regexp.MustCompile(`^(http://127\.0\.0\.1:\d+[/a-z]*)/\n$`)
	clitest.Eventually(t, "the page's address", func() bool { return line.MatchString(p.Out.String()) })
	return p, line.FindStringSubmatch(p.Out.String())[1]
}

func TestDashboardShowsWhatItsLoginMay(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Insert(storetest.Row{"batch": "nightly"})
	for role, acts := range map[string]bool{"tagexec_operator": true, "tagexec_viewer": false, "tagexec_executor": false} {
		_, url := db.Login(role)
		p, address := dashboard(t, "TAGEXEC_DATABASE_URL="+url)
		code, body := askPage(t, address, "/batches/nightly", "")
		if code != http.StatusOK || strings.Contains(body, "/do/cancel-batch") != acts {
			t.Errorf("with a login in %s: %d\n%s", role, code, body)
		}
		if code, body = askPage(t, address, "/do/cancel-batch?batch=nightly", ""); (code == http.StatusOK) != acts || acts == strings.Contains(body, "GRANT tagexec_operator TO it") {
			t.Errorf("a button with a login in %s: %d\n%s", role, code, body)
		}
		p.Signal(syscall.SIGTERM)
		storetest.Check(t, "exit", p.Exit(), "143")
	}
}

// Logins, a login of the page's own, and a path of its own.
func TestDashboardAsksForALogin(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Insert(storetest.Row{"batch": "nightly"})
	_, nobodys := db.Login("")
	_, pages := db.Login("tagexec_operator")
	p, address := dashboard(t, "TAGEXEC_DATABASE_URL="+nobodys, "TAGEXEC_UI_DATABASE_URL="+pages, "TAGEXEC_UI_BASE_PATH=/ops",
		"TAGEXEC_HTTP_USER=olu", "TAGEXEC_HTTP_PASSWORD=hush-hush", "TAGEXEC_UI_VIEWER_USER=vera", "TAGEXEC_UI_VIEWER_PASSWORD=hush-hush")
	for user, want := range map[string]struct{ page, button int }{"": {401, 401}, "eve": {401, 401}, "vera": {200, 403}, "olu": {200, 200}} {
		code, _ := askPage(t, address, "/batches/nightly", user)
		button, _ := askPage(t, address, "/do/cancel-batch?batch=nightly", user)
		if code != want.page || button != want.button {
			t.Errorf("%q: %d and %d, want %v", user, code, button, want)
		}
	}
	host := strings.TrimSuffix(address, "/ops")
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/": 404, "/batches": 404} {
		if code, _ := askPage(t, host, path, ""); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
	}
	p.Signal(syscall.SIGINT)
	storetest.Check(t, "exit", p.Exit(), "130")
}

// Whoever is on the executor's host may look; a command job could press buttons.
func TestServesPageIsReadOnlyWithoutALogin(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	p := start(t, db, []string{"serve"}, "TAGEXEC_SQL_SOURCES=db="+db.URL, "TAGEXEC_LOG_FORMAT=json")
	address := regexp.MustCompile(`"page":"(http://[^"]+)/"`)
	clitest.Eventually(t, "the page", func() bool { return address.MatchString(p.ErrOut.String()) })
	url := address.FindStringSubmatch(p.ErrOut.String())[1]
	if code, _ := askPage(t, url, "/", ""); code != http.StatusOK {
		t.Errorf("the page answers %d", code)
	}
	if code, body := askPage(t, url, "/do/pause-pool?pool=default", ""); code != http.StatusForbidden || !strings.Contains(body, "TAGEXEC_HTTP_USER") {
		t.Errorf("a button answers %d: %s", code, body)
	}
	p.Signal(syscall.SIGTERM)
	p.Exit()
}
