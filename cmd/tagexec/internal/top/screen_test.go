package top

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/tagexec/tagexec/store/report"
)

func TestEachTabShowsItsRows(t *testing.T) {
	t.Parallel()
	s := shown(t, busy(), nil)
	s.has(t, "2 run on 1 executor of 8 workers, 100,000+ due, 1,000 later; 100 end a minute, 2 % fail.",
		"! pool lake is paused while 100,000+ are due in it; batch nightly is late by 5 m 00 s", "[1 running]", "high_value")
	for key, want := range map[string]string{
		"2": "dwh      1         1       300     1,300      1 m 01 s  full", "3": "00000000  etl-1", "4": "nightly  tags_daily", "5": "42P01  relation \"x\" does not exist"} {
		s.pressAll(key)
		s.has(t, want)
	}
}

// Whatever a job is called, each line fits and nothing is obeyed.
func TestEveryScreenFitsItsTerminal(t *testing.T) {
	t.Parallel()
	q := busy()
	hostile := "\x1b[31mred\x1b]0;title\a\n\u202e" + strings.Repeat("wide界", 40)
	for _, j := range [][]report.Job{q.running, q.failures} {
		j[0].Tag, j[0].Batch, j[0].Pool, j[0].Error = hostile, &hostile, hostile, &hostile
	}
	q.pools[0].Pool, q.batches[0].Batch = hostile, hostile
	q.printed = []report.Chunk{{Chunk: hostile}}
	for _, width := range []int{20, 80, 200} {
		for _, height := range []int{1, 2, 5, 50} {
			s := shown(t, q, &deeds{})
			s.Update(tea.WindowSizeMsg{Width: width, Height: height})
			for _, key := range []string{"1", "enter", "esc", "2", "enter", "p", "esc", "3", "4", "enter", "esc", "5", "?", "?", "/", "x", "esc"} {
				s.pressAll(key)
				lines := strings.Split(s.draw(), "\n")
				if len(lines) > height {
					t.Errorf("%d×%d after %s: %d lines", width, height, key, len(lines))
				}
				for _, line := range lines {
					if ansi.StringWidth(line) > width || strings.ContainsAny(line, "\x1b\a\u202e") {
						t.Errorf("%d×%d after %s: %q", width, height, key, line)
					}
				}
			}
		}
	}
}

func TestFilterOrderAndFreeze(t *testing.T) {
	t.Parallel()
	q := busy()
	s := shown(t, q, nil)
	s.pressAll("/", "c", "h", "u", "r", "x", "backspace", "enter")
	if rows := s.rows(); len(rows) != 1 || rows[0].id != 2 {
		t.Errorf("filtered: %+v", rows)
	}
	s.pressAll("esc", "s") // the one with the least time left is the first too
	s.pressAll("2", "s")
	if rows := s.rows(); rows[0].name != "lake" {
		t.Errorf("by due: %+v", rows)
	}
	s.pressAll("space")
	q.running = nil
	s.Update(looked{takeSnapshot(t.Context(), q, noon, snapshot{})})
	s.has(t, "2 run", "frozen")
	s.pressAll("space")
	s.Update(looked{takeSnapshot(t.Context(), q, noon, snapshot{})})
	s.has(t, "0 run")
}

// The chosen row is the same one after a look, wherever it is then.
func TestTheChosenRowStaysChosen(t *testing.T) {
	t.Parallel()
	q := busy()
	s := shown(t, q, nil)
	s.pressAll("j")
	q.running = []report.Job{{ID: 3, Tag: "new"}, {ID: 4, Tag: "new"}, q.running[1]}
	s.Update(looked{takeSnapshot(t.Context(), q, noon, snapshot{})})
	if r := s.chosen(); r == nil || r.id != 2 {
		t.Errorf("chosen is %+v", r)
	}
	q.running = nil
	s.Update(looked{takeSnapshot(t.Context(), q, noon, snapshot{})})
	s.has(t, "Nothing runs.")
	s.pressAll("enter", "c")
}

func TestADatabaseThatIsAwayLeavesWhatWasSeen(t *testing.T) {
	t.Parallel()
	q := busy()
	s := shown(t, q, nil)
	q.err = errors.New("connection refused")
	s.Update(looked{takeSnapshot(t.Context(), q, noon, snapshot{})})
	s.has(t, "high_value", "stale", "connection refused", "12:00:00")
	q.err = nil
	s.Update(looked{takeSnapshot(t.Context(), q, noon.Add(time.Minute), snapshot{})})
	s.has(t, "12:01:00", "1-5 tab")
}

func TestEachDeedIsAskedAndTakesAReason(t *testing.T) {
	t.Parallel()
	d := &deeds{}
	s := shown(t, busy(), d)
	for _, tt := range []struct {
		tab, key, question, note, deed string
	}{
		{"1", "c", "Cancel job 1?", "Job 1 is cancelled, or asked to stop.", "cancel [1]: why"},
		{"5", "r", "Retry job 9?", "Job 9 is past that already.", "retry [9]: why"},
		{"2", "p", "Pause pool dwh?", "an administrator can GRANT tagexec_operator TO it", "pause dwh true: why"},
		{"3", "d", "Drain executor 00000000-0000-0000-0000-000000000001?", "ends when its jobs have", "drain 00000000: why"},
		{"4", "c", "Cancel all that is left of batch nightly?", "2 jobs of batch nightly cancelled", "cancel nightly: why"},
		{"4", "r", "Retry what failed of batch nightly?", "2 jobs of batch nightly made pending again", "retry failed of nightly: why"},
	} {
		d.list = nil
		s.pressAll(tt.tab, tt.key)
		s.has(t, tt.question)
		s.pressAll("w", "h", "esc")
		if len(d.list) > 0 {
			t.Errorf("%s: done though it was not confirmed: %q", tt.question, d.list)
		}
		s.pressAll(tt.key, "w", "h", "y", "enter")
		s.has(t, tt.note)
		if len(d.list) != 1 || d.list[0] != tt.deed {
			t.Errorf("%s: did %q", tt.question, d.list)
		}
	}
	d.list = nil
	s.pressAll("2", "j", "p")
	s.has(t, "Resume pool lake?")
	s.pressAll("esc", "c")
	s.has(t, "c cancels a job or a batch.")
	if len(d.list) > 0 {
		t.Errorf("did %q", d.list)
	}
}

func TestDetailShowsWhatAJobPrintsAndWhyABatchWaits(t *testing.T) {
	t.Parallel()
	q := busy()
	q.printed = []report.Chunk{{AtByte: 0, Chunk: "one\ntw"}}
	s := shown(t, q, nil)
	s.pressAll("enter")
	s.has(t, "job 1 high_value, running", "as it is", "attempt 1 prints:", "\none", "\ntw")
	q.printed = append(q.printed, report.Chunk{AtByte: 6, Chunk: "o\nthree\n"})
	s.Update(s.detail.ask(s)())
	s.has(t, "\none", "\ntwo\n", "\nthree")
	if q.watched != 2 {
		t.Errorf("watched %d times", q.watched)
	}
	s.pressAll("esc")
	s.has(t, "[1 running]", "churn_risk")
	s.pressAll("4", "enter")
	s.has(t, "batch nightly", "41  pool dwh is full; 240 of others ahead  (job 7)")
	s.pressAll("2", "enter")
	s.has(t, "pool dwh", "job 1 high_value, 1 slot, runs for 1 m 30 s")
}

func TestOnceIsTheSameAsText(t *testing.T) {
	t.Parallel()
	got := takeSnapshot(t.Context(), busy(), noon, snapshot{}).text(zone(t))
	const file = "testdata/once.txt"
	want, err := os.ReadFile(file)
	if err != nil && os.Getenv("UPDATE") == "" {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	} else if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Many screens together must not slow the queue down: what is dear to know is asked
// seldom.
func TestAQuestionIsAskedAsOftenAsItMayCost(t *testing.T) {
	t.Parallel()
	q := busy()
	last := takeSnapshot(t.Context(), q, noon, snapshot{})
	for i := range last.costs {
		last.costs[i].took = 50 * time.Millisecond
	}
	nothing := &still{}
	for after, asked := range map[time.Duration]bool{2 * time.Second: false, 5 * time.Second: true} {
		now := takeSnapshot(t.Context(), nothing, noon.Add(after), last)
		for what, n := range map[string]int{"running": len(now.running), "pools": len(now.pools), "batches": len(now.batches), "failures": len(now.failures)} {
			if asked != (n == 0) {
				t.Errorf("after %s: %d %s; asked again must be %t", after, n, what, asked)
			}
		}
	}
	for i := range last.costs {
		last.costs[i].took = time.Hour
	}
	if now := takeSnapshot(t.Context(), nothing, noon.Add(leastOften), last); len(now.running) > 0 {
		t.Error("what takes an hour is not asked any more")
	}
	s := shown(t, q, &deeds{})
	for i := range s.last.costs {
		s.last.costs[i].took = time.Hour
	}
	q.pools = busy().pools
	s.pressAll("1", "c", "enter")
	s.Update(s.ask()()) // that follows the deed
	s.has(t, "100,000+ due")
}

// Before the queue was seen nothing is said of it: an empty one would look well.
func TestNothingIsSaidOfAQueueBeforeItWasSeen(t *testing.T) {
	t.Parallel()
	q := busy()
	s := &screen{ctx: t.Context(), queue: q, look: zone(t), width: 100, height: 20}
	for _, err := range []error{nil, errors.New("connection refused")} {
		if err != nil {
			s.Update(looked{snapshot{at: noon, err: err}})
			s.has(t, err.Error())
		}
		s.has(t, "Loading", "[1 running]")
		for _, key := range []string{"1", "2", "3", "4", "5", "enter", "esc"} {
			s.pressAll(key)
			for _, wrong := range []string{"Nothing needs you", "0 run", "00:00:00", "No "} {
				if strings.Contains(s.draw(), wrong) {
					t.Errorf("after %s the screen says %q:\n%s", key, wrong, s.draw())
				}
			}
		}
		s.pressAll("1")
	}
	s.Update(looked{takeSnapshot(t.Context(), q, noon, snapshot{})})
	s.has(t, "2 run on 1 executor", "high_value")
}
