package gantt_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/gantt"
	"github.com/tagexec/tagexec/store/report"
)

func at(second int) time.Time { return time.Unix(int64(second), 0) }

func run(executor string, from, to int) report.Run {
	end := at(to)
	return report.Run{ExecutorID: executor, Hostname: "on " + executor, StartedAt: at(from), FinishedAt: &end}
}

// There are as many slots as runs overlap, and what begins as another ends goes on in its
// slot.
func TestSlotsAreAsManyAsOverlap(t *testing.T) {
	t.Parallel()
	still := report.Run{ExecutorID: "a", StartedAt: at(20)}
	runs := []report.Run{run("a", 0, 10), run("b", 1, 30), run("a", 5, 8), run("a", 8, 9), run("a", 10, 20), still}
	got := ""
	for _, s := range gantt.Slots(runs, at(25)) {
		got += fmt.Sprint(s.Executor, s.First, " ")
		for _, r := range s.Runs {
			got += fmt.Sprint(r.StartedAt.Unix(), "-", gantt.End(r, at(25)).Unix(), " ")
		}
	}
	if want := "atrue 0-10 10-20 20-25 afalse 5-8 8-9 btrue 1-30 "; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if end := gantt.End(&report.Run{StartedAt: at(30)}, at(25)); !end.Equal(at(30)) {
		t.Errorf("one that starts later than now ends %v", end)
	}
}
