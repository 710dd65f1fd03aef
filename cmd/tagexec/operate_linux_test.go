package main

import (
	"strings"
	"syscall"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/store/storetest"
)

// What a filter finds is acted on once somebody has seen how much that is and agreed.
func TestAPersonIsAskedBeforeAFilterIsActedOn(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]struct {
		code  int
		state string
	}{"yes\n": {0, "cancelled"}, "y\n": {0, "cancelled"}, "n\n": {2, "pending"}, "\x03": {130, "pending"}} {
		db := storetest.New(t)
		var id int64
		for range 7 {
			id = db.Insert(storetest.Row{"tag": "\x1b[31mred"})[0]
		}
		s := atTerminal(t, db, "jobs", "cancel", "--since", "1h")
		clitest.Eventually(t, "it to ask", func() bool { return strings.Contains(s.screen.String(), "Cancel 7 jobs? Type y or yes to go on: ") })
		if _, err := s.keyboard.WriteString(answer); err != nil {
			t.Fatal(err)
		}
		if code := s.exit(); code != want.code || db.State(id) != want.state {
			t.Errorf("typed %q: exit code %d, the job is %s; want %d, %s", answer, code, db.State(id), want.code, want.state)
		}
		screen := s.screen.String()
		if !strings.Contains(screen, "7 jobs match") || !strings.Contains(screen, `pending \u001b[31mred`) || !strings.Contains(screen, "… and 2 more") || strings.Contains(screen, "\x1b[31m") {
			t.Errorf("on the screen: %q", screen)
		}
	}
}

// On a terminal a list is coloured and as wide as that, whatever jobs bring.
func TestAListOnATerminal(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Insert(storetest.Row{"tag": "\x1b]0;title\x07" + strings.Repeat("long ", 30)})
	db.Exec("SELECT tagexec.cancel_job(1, 'a reason that is longer than what is left of the line of a terminal')")
	s := atTerminal(t, db, "jobs", "list")
	if code := s.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	screen := s.screen.String()
	if !strings.Contains(screen, "\x1b[1m1 job, the newest first.\x1b[0m") || !strings.Contains(screen, "\x1b[2mcancelled\x1b[0m") || strings.Contains(screen, "\x1b]0;") {
		t.Errorf("on the screen: %q", screen)
	}
}

func TestFollowedJobsComeAsTheyDo(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Insert(storetest.Row{"tag": "first"}, storetest.Row{"tag": "second"})
	p := clitest.Launch(t, "tagexec", []string{"jobs", "list", "--follow", "-o", "csv", "--columns", "tag,state"}, "TAGEXEC_DATABASE_URL="+db.URL)
	clitest.Eventually(t, "what is there, the latest last", func() bool { return p.Out.String() == "tag,state\nfirst,pending\nsecond,pending\n" })
	db.Insert(storetest.Row{"tag": "third"})
	db.Exec("SELECT tagexec.cancel_job(1)")
	clitest.Eventually(t, "what has come and changed", func() bool {
		return strings.Contains(p.Out.String(), "third,pending\n") && strings.Contains(p.Out.String(), "first,cancelled\n")
	})
	p.Signal(syscall.SIGINT)
	if code := p.Exit(); code != 130 || strings.Count(p.Out.String(), "second") != 1 {
		t.Errorf("exit code %d, it printed %s", code, p.Out.String())
	}
}
