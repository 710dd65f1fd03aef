package estimate

import (
	"fmt"
	"testing"
	"time"

	"github.com/tagexec/tagexec/store/storetest"
)

// nightly is a night of 16 jobs of ten seconds on four workers, after five nights in each
// of which as many ran at the same time, and something else held the workers for so long
// after each row of them.
func nightly(atOnce int, held time.Duration) *night {
	n := newNight(4)
	for i := range 16 {
		n.Jobs = append(n.Jobs, Job{ID: int64(i + 1), Tag: fmt.Sprint("tag ", i), Batch: n.Batch, Like: Like{"sql", "default"}, Slots: 1, Priority: 5, RunAt: noon.Add(-time.Hour), MaxAttempts: 3})
		row := i / atOnce
		for back := range 5 {
			n.Past[fmt.Sprint("tag ", i)] = append(n.Past[fmt.Sprint("tag ", i)], Run{
				Tag: fmt.Sprint("tag ", i), Batch: fmt.Sprint("before ", back), Like: Like{"sql", "default"}, Seconds: 10,
				Ended: noon.AddDate(0, 0, -1-back).Add(time.Duration(row)*(10*time.Second+held) + 10*time.Second),
			})
		}
	}
	return n
}

func TestABatchStretchesAsThoseBeforeIt(t *testing.T) {
	t.Parallel()
	left := func(n *night) float64 {
		e := Of(&n.Queue)
		if e.Refusal != "" {
			t.Fatal(e.Refusal)
		}
		return e.P50.Sub(noon).Seconds()
	}
	plain := left(nightly(4, 0))
	if plain < 38 || plain > 48 {
		t.Errorf("as planned: %.1f s, want about 40", plain)
	}
	if held := left(nightly(4, 10*time.Second)); held < 1.3*plain || held > 2*plain {
		t.Errorf("with workers held: %.1f s, of 70 for those before", held)
	}
	if others := left(nightly(8, 10*time.Second)); others > 1.1*plain || others < 0.9*plain {
		t.Errorf("nights of twice as many workers: %.1f s, want as planned", others)
	}
}

// An executor claims short jobs ahead: then more run, by their times, than it has workers.
func TestJobsClaimedAheadAreNoMoreWorkers(t *testing.T) {
	t.Parallel()
	var runs []Run
	for i := range 30 {
		runs = append(runs, Run{Tag: "tag", Batch: "before", Seconds: 10.5, Ended: noon.Add(time.Duration(i/3) * 10 * time.Second)})
	}
	course, _ := courseOf(runs, 0)
	storetest.Check(t, "runs at the same time", course.atOnce, 3)
	storetest.Check(t, "seconds", course.seconds, 100.5)
	course, _ = courseOf(nil, 0)
	storetest.Check(t, "of none", course.atOnce, 0)
}

// What comes later is compared with what came later, however the beginning went.
func TestTheRestOfABatchIsComparedWithTheRestOfOthers(t *testing.T) {
	t.Parallel()
	var runs []Run
	for i := range 20 { // one after the other; the last ten are each held up for as long as they run
		end := time.Duration(i+1) * 10 * time.Second
		if i >= 10 {
			end += time.Duration(i-9) * 10 * time.Second
		}
		runs = append(runs, Run{Tag: "tag", Batch: "before", Seconds: 10, Ended: noon.Add(end)})
	}
	for done, want := range map[float64]course{
		0:    {seconds: 300, work: 200, runs: 20, atOnce: 1},
		0.5:  {seconds: 200, work: 100, runs: 20, atOnce: 1},
		0.75: {seconds: 100, work: 50, runs: 20, atOnce: 1},
		1:    {runs: 20, atOnce: 1},
	} {
		got, _ := courseOf(runs, done)
		storetest.Check(t, fmt.Sprintf("after %.0f %%", 100*done), got, want)
	}
}

// What a plan knows to be waited for tonight is not taken back because others did not wait.
func TestABatchEndsNoEarlierThanPlanned(t *testing.T) {
	t.Parallel()
	n := nightly(4, 0)
	for i := range n.Jobs {
		n.Jobs[i].RunAt = noon.Add(time.Hour)
	}
	if e := Of(&n.Queue); e.P10.Before(noon.Add(time.Hour)) {
		t.Errorf("it ends at %s or later, before any job is due", e.P10)
	}
}

// What runs counts as long as it has run.
func TestLevelsHoldWhatRuns(t *testing.T) {
	t.Parallel()
	n := newNight(4)
	for range 3 {
		n.add(4000, running(3600, "e"))
	}
	for i := range 60 {
		n.Ended = append(n.Ended, Run{Tag: "tag 60", Batch: n.Batch, Like: Like{"sql", "default"}, Seconds: 60, Ended: noon.Add(time.Duration(i-59) * time.Minute)})
	}
	storetest.Check(t, "attempts at the same time", newPast(&n.Queue).levels.usual(), 4)
}
