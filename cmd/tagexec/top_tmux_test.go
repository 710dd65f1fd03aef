//go:build tmux

package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// Once in a terminal as people have it: what it shows there, what its keys do, and that
// it leaves the terminal as it was.
func TestTopInTmux(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('warehouse', 2)")
	c := db.Claimer(store.Executor{Workers: 4})
	db.Insert(storetest.Row{"tag": "high_value", "pool": "warehouse", "batch": "nightly"}, storetest.Row{"tag": "churn_risk", "pool": "warehouse", "batch": "nightly"},
		storetest.Row{"tag": "waits", "pool": "warehouse", "batch": "nightly"})
	c.MustClaim(t, 2)
	socket := filepath.Join(t.TempDir(), "tmux")
	tmux := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("tmux", append([]string{"-S", socket, "-f", "/dev/null"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("tmux %q: %v: %s", args, err, out)
		}
		return string(out)
	}
	t.Cleanup(func() { _ = exec.Command("tmux", "-S", socket, "kill-server").Run() })
	tmux("new-session", "-d", "-s", "top", "-x", "100", "-y", "24", "-e", "TAGEXEC_DATABASE_URL="+db.URL, "sh")
	tmux("send-keys", "-t", "top", "tagexec top; echo left with $?", "Enter")
	shows := func(what, text string) {
		t.Helper()
		storetest.Eventually(t, what, func() bool { return strings.Contains(tmux("capture-pane", "-t", "top", "-p"), text) })
	}
	shows("the queue", "2 run on 1 executor of 4 workers, 1 due")
	shows("a job", "high_value")
	tmux("send-keys", "-t", "top", "4")
	shows("the batches", "[4 batches]")
	tmux("send-keys", "-t", "top", "Enter")
	shows("why the batch waits", "pool warehouse is full: 2 of 2 slots are in use")
	tmux("send-keys", "-t", "top", "2")
	tmux("send-keys", "-t", "top", "j")
	tmux("send-keys", "-t", "top", "p")
	shows("the question", "Pause pool warehouse?")
	tmux("send-keys", "-t", "top", "-l", "night shift")
	tmux("send-keys", "-t", "top", "Enter")
	shows("what needs somebody", "pool warehouse is paused while 1 is due in it")
	storetest.Check(t, "on record", storetest.All[string](db, "SELECT action || ' ' || reason FROM tagreport.operator_actions WHERE reason IS NOT NULL"), "[change_pool night shift]")
	tmux("resize-window", "-t", "top", "-x", "40", "-y", "10")
	shows("it narrower", "…")
	tmux("send-keys", "-t", "top", "q")
	shows("the shell again", "left with 0")
}
