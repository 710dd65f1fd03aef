package main

import (
	"net/http"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/store/storetest"
)

// The queue falls silent after every login, for so long that the answer about a
// pooler is too old to be believed, and that each connection has been given up.
// When it speaks again the executor comes back by itself.
func TestFaultQueueFallsSilent(t *testing.T) {
	t.Parallel()
	const (
		poolerAge = time.Minute      // store's probeInterval
		silence   = 25 * time.Second // from when a look for a pooler hangs
	)
	db := storetest.New(t)
	_, login := db.Login("tagexec_executor")
	queue := storetest.NewSilent(t, login, 0)
	p := start(t, db, []string{"serve"}, "TAGEXEC_DATABASE_URL="+queue.URL, "TAGEXEC_LEASE=10s", "TAGEXEC_HEARTBEAT=1s", "TAGEXEC_LOG_FORMAT=json")
	address := regexp.MustCompile(`"readyz":"(http://[^"]+)"`)
	clitest.Eventually(t, "health endpoints", func() bool { return address.MatchString(p.ErrOut.String()) })
	ready := func() bool {
		response, err := http.Get(address.FindStringSubmatch(p.ErrOut.String())[1])
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	}
	db.Insert(storetest.Row{"payload": `{"statement": "SELECT 1"}`})
	waitState(t, db, "succeeded", 1)
	connected := time.Now()
	queue.Hush()
	queue.Next(storetest.Everybody)
	clitest.Eventually(t, "not ready", func() bool { return !ready() })
	clitest.Eventually(t, "looks for a pooler that hang", func() bool { return time.Since(connected) > poolerAge+silence })
	queue.Next(0)
	db.Insert(storetest.Row{"payload": `{"statement": "SELECT 1"}`})
	waitState(t, db, "succeeded", 2)
	clitest.Eventually(t, "ready", ready)
	p.Signal(syscall.SIGTERM)
	if code := p.Exit(); code != 143 {
		t.Errorf("exit code %d, want 143", code)
	}
}
