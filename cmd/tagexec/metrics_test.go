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

// numbers asks a serve for a path, with a bearer token if that is not empty.
func numbers(t *testing.T, p *clitest.Process, path, token string) (int, string) {
	t.Helper()
	address := regexp.MustCompile(`"metrics":"http://[^"]+:(\d+)/metrics"`)
	clitest.Eventually(t, "an address", func() bool { return address.MatchString(p.ErrOut.String()) })
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+address.FindStringSubmatch(p.ErrOut.String())[1]+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(body)
}

// A real executor, with the rights of one and no others.
func TestServeShowsItsNumbers(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	p := start(t, db, []string{"serve"}, "TAGEXEC_LOG_FORMAT=json")
	id := db.Insert(storetest.Row{"payload": `{"statement": "SELECT 1"}`})[0]
	clitest.Eventually(t, "the end of the job", func() bool { return db.State(id) == "succeeded" })
	var text string
	clitest.Eventually(t, "its attempt", func() bool {
		_, text = numbers(t, p, "/metrics", "")
		return strings.Contains(text, `tagexec_attempts_total{kind="sql",outcome="succeeded",pool="default"} 1`)
	})
	for _, line := range []string{"tagexec_queue_scrape_ok 1", "tagexec_workers 16", `tagexec_executors{state="alive"} 1`, `tagexec_queue_pending{pool="default"} 0`, "# HELP tagexec_lease_seconds_left "} {
		if !strings.Contains(text, "\n"+line) {
			t.Errorf("%s is not in\n%s", line, text)
		}
	}
	if strings.Contains(text, `kind="http"`) {
		t.Error("a kind that it does not run is a label")
	}
	p.Signal(syscall.SIGTERM)
	p.Exit()
}

func TestServeAtAnAddressForAllShowsItsNumbersToWhoHasTheToken(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	const token = "abcdefghijklmnop-hush"
	open := start(t, db, []string{"serve"}, "TAGEXEC_LOG_FORMAT=json", "TAGEXEC_HTTP_ADDR=0.0.0.0:0")
	locked := start(t, db, []string{"serve"}, "TAGEXEC_LOG_FORMAT=json", "TAGEXEC_HTTP_ADDR=0.0.0.0:0", "TAGEXEC_METRICS_TOKEN="+token)
	for _, c := range []struct {
		p           *clitest.Process
		path, token string
		code        int
		says        string
	}{
		{open, "/metrics", "", 403, "TAGEXEC_METRICS_TOKEN"},
		{open, "/metrics", token, 403, "TAGEXEC_METRICS_TOKEN"},
		{open, "/", "", 403, "TAGEXEC_HTTP_USER"},
		{open, "/healthz", "", 200, "ok"},
		{locked, "/metrics", token, 200, "tagexec_workers 16"},
		{locked, "/metrics", "", 401, "login needed"},
		{locked, "/", token, 403, "TAGEXEC_HTTP_USER"},
		{locked, "/healthz", "", 200, "ok"},
	} {
		if code, text := numbers(t, c.p, c.path, c.token); code != c.code || !strings.Contains(text, c.says) {
			t.Errorf("%s with %q: %d %s, want %d", c.path, c.token, code, text, c.code)
		}
	}
	for _, p := range []*clitest.Process{open, locked} {
		p.Signal(syscall.SIGTERM)
		p.Exit()
		if strings.Contains(p.ErrOut.String(), "hush") {
			t.Error("the token is in the log")
		}
	}
}
