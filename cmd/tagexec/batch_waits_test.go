package main

import (
	"strings"
	"syscall"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/store/storetest"
)

// submit --wait has no executor of its own: it says what no executor takes.
func TestWaitingSaysWhatNoExecutorTakes(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots, paused) VALUES ('shut', 1, true)")
	p := clitest.New(t, "tagexec", "submit", "--batch", "b", "--jobs", "-", "--wait")
	p.Env = append(p.Environ(), "TAGEXEC_DATABASE_URL="+db.URL)
	p.Stdin = strings.NewReader(`{"tag":"a","pool":"shut"}` + "\n" + `{"tag":"b","kind":"http"}`)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1 job waits: pool shut is paused\n", "1 job waits: no live executor takes jobs of kind http in pool default\n"} {
		clitest.Eventually(t, want, func() bool { return strings.Contains(p.ErrOut.String(), want) })
	}
	p.Signal(syscall.SIGTERM)
	if code := p.Exit(); code != 143 {
		t.Errorf("exit code %d, want 143", code)
	}
}

// run says what its own executor cannot use, and how many jobs need it, also in its
// last words.
func TestRunSaysWhatIsUnavailable(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec(`SELECT tagexec.submit_jobs('b', '[{"tag": "a", "payload": {"source": "away", "statement": "SELECT 1"}}, {"tag": "b", "payload": {"source": "db", "statement": "SELECT 1"}}]')`)
	p := start(t, db, []string{"run", "--batch", "b", "--progress", "100ms"}, "TAGEXEC_SQL_SOURCES=db="+db.URL+" away=postgres://u:hush@127.0.0.1:1/x")
	const want = `1 job waits: this run cannot use source "away": connecting to source "away": connection refused [connection_failed]`
	clitest.Eventually(t, want, func() bool { return strings.Contains(p.ErrOut.String(), want+"\n") })
	clitest.Eventually(t, "progress", func() bool {
		return strings.Contains(p.ErrOut.String(), "1 of 2 jobs done, 0 running, 0 failed; "+want+"\n")
	})
	p.Signal(syscall.SIGTERM)
	if code := p.Exit(); code != 143 {
		t.Errorf("exit code %d, want 143", code)
	}
	if s := lastSummary(t, p); s.Error != "ended by SIGTERM: "+want {
		t.Errorf("the summary says %s", s.Error)
	}
}
