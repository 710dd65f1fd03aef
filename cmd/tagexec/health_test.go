package main

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/store/storetest"
)

// Connections that say nothing, that never end their request, and that stay
// open after its answer.
func TestStrangersConnectionsTakeNothingFromJobs(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	dir := commandDir(t, map[string]string{"nap": "sleep 0.2"})
	p := clitest.Launch(t, "sh", []string{"-c", "ulimit -n 256; exec tagexec serve"},
		"TAGEXEC_DATABASE_URL="+db.URL, "TAGEXEC_COMMANDS_DIR="+dir, "TAGEXEC_COMMAND_ENV=PATH",
		"TAGEXEC_POLL_INTERVAL=20ms", "TAGEXEC_HTTP_ADDR=127.0.0.1:0", "TAGEXEC_LOG_FORMAT=json")
	address := regexp.MustCompile(`"readyz":"http://([^"]+)/readyz"`)
	clitest.Eventually(t, "health endpoints", func() bool { return address.MatchString(p.ErrOut.String()) })
	host := address.FindStringSubmatch(p.ErrOut.String())[1]
	ready := func() bool {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
		response, err := client.Get("http://" + host + "/readyz")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK
	}
	clitest.Eventually(t, "ready", ready)
	says := []string{"", "GET /healthz HTTP/1.1\r\nHost: x\r\n", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"}
	for i := range 400 {
		conn, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = conn.Write([]byte(says[i%len(says)])) // it may be closed already
	}
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, kind, max_attempts, payload) SELECT 'nap', 'command', 1, '{"command": "nap"}' FROM generate_series(1, 64)`)
	if !ready() {
		t.Error("/readyz does not answer")
	}
	clitest.Eventually(t, "the end of all jobs", func() bool {
		return storetest.One[int64](db, "SELECT count(*) FROM tagexec.tag_jobs WHERE state IN ('succeeded', 'failed')") == 64
	})
	waitState(t, db, "succeeded", 64)
	p.Signal(syscall.SIGTERM)
	p.Exit()
}

// /readyz names what the executor cannot use: it is ready while it can run some kind
// of job, and not when it can run none.
func TestReadyNamesWhatIsUnavailable(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	dir := commandDir(t, map[string]string{"good": "true"})
	p := start(t, db, []string{"serve"}, "TAGEXEC_SQL_SOURCES=away=postgres://u:hush@127.0.0.1:1/x", "TAGEXEC_COMMANDS_DIR="+dir, "TAGEXEC_COMMAND_ENV=PATH", "TAGEXEC_LOG_FORMAT=json")
	address := regexp.MustCompile(`"readyz":"(http://[^"]+)"`)
	clitest.Eventually(t, "health endpoints", func() bool { return address.MatchString(p.ErrOut.String()) })
	type answer struct {
		Status, Reason string
		Unavailable    []struct {
			Kind, Resource, Error string
			Since                 time.Time
		}
	}
	ask := func() (code int, a answer) {
		response, err := http.Get(address.FindStringSubmatch(p.ErrOut.String())[1])
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if err := json.NewDecoder(response.Body).Decode(&a); err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, a
	}
	clitest.Eventually(t, "ready", func() bool { code, _ := ask(); return code == http.StatusOK })
	_, a := ask()
	if len(a.Unavailable) != 1 || a.Status != "ready" {
		t.Fatalf("got %+v", a)
	}
	if u := a.Unavailable[0]; u.Kind != "sql" || u.Resource != `source "away"` || u.Error != `connecting to source "away": connection refused [connection_failed]` || u.Since.IsZero() {
		t.Errorf("got %+v", u)
	}
	db.Insert(storetest.Row{"kind": "command", "payload": `{"command": "missing"}`})
	clitest.Eventually(t, "a second entry", func() bool { _, a := ask(); return len(a.Unavailable) == 2 })
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	db.Insert(storetest.Row{"kind": "command", "payload": `{"command": "good"}`})
	clitest.Eventually(t, "not ready", func() bool { code, _ := ask(); return code == http.StatusServiceUnavailable })
	if _, a := ask(); a.Status != "not ready" || !strings.Contains(a.Reason, "no command job can run here: ") || !strings.Contains(a.Reason, "no sql job can run here: ") || len(a.Unavailable) < 2 {
		t.Errorf("got %+v", a)
	}
	p.Signal(syscall.SIGTERM)
	p.Exit()
}
