package estimate

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/store/storetest"
)

// about fails the test unless a time is within a share of so many seconds from noon.
func about(t *testing.T, what string, got time.Time, seconds, share float64) {
	t.Helper()
	if off := got.Sub(noon).Seconds() - seconds; math.Abs(off) > share*seconds {
		t.Errorf("%s is after %.0f s; want %.0f, within %.0f %%", what, got.Sub(noon).Seconds(), seconds, 100*share)
	}
}

// long makes a night of 60 jobs of 100 s on 10 workers: 600 s.
func long() *night {
	n := newNight(10)
	for range 60 {
		n.add(100)
	}
	return n
}

func TestTheIntervalOfABatchThatHasNotBegunIsAsWideAsBatchesDrift(t *testing.T) {
	t.Parallel()
	n := long()
	e := Of(&n.Queue)
	about(t, "P50", e.P50, 600, 0.05)
	if !e.P10.Before(noon.Add(540*time.Second)) || !e.P90.After(noon.Add(660*time.Second)) {
		t.Errorf("it ends between %s and %s; of three batches hardly anything is known of how much they drift", e.P10, e.P90)
	}
	storetest.Check(t, "runs", e.Runs, 4)
	storetest.Check(t, "new tags", e.NewTags, 0)
}

func TestWhatEndedTonightTellsHowTheRestDrifts(t *testing.T) {
	t.Parallel()
	n := long()
	for range 30 {
		n.Ended = append(n.Ended, Run{Tag: "tag 100", Batch: "night", Like: Like{"sql", "default"}, Seconds: 200, Ended: noon})
	}
	e := Of(&n.Queue)
	about(t, "P50 when all took twice as long", e.P50, 1200, 0.05)
	about(t, "P90", e.P90, 1200, 0.15)
}

func TestBatchesThatDriftedTellHowMuchTheNextOneMay(t *testing.T) {
	t.Parallel()
	width := func(spread float64) time.Duration {
		n := newNight(10)
		for i := range 60 {
			n.add(100, func(j *Job) { j.Tag = "tag " + string(rune('A'+i%6)) })
		}
		for i := range 6 {
			tag := "tag " + string(rune('A'+i))
			n.Past[tag] = nil
			for k := range 12 {
				n.Past[tag] = append(n.Past[tag], Run{
					Tag: tag, Batch: string(rune('a' + k)), Like: Like{"sql", "default"}, Ended: noon.AddDate(0, 0, -1-k),
					Seconds: 100 * math.Exp(spread*float64(k%2*2-1)),
				})
			}
		}
		e := Of(&n.Queue)
		return e.P90.Sub(e.P10)
	}
	if calm, restless := width(0.01), width(0.5); restless < 3*calm {
		t.Errorf("after restless nights the interval is %s wide, after calm ones %s", restless, calm)
	}
}

func TestBatchesThatWanderedKeepTheIntervalOfARunningOneWide(t *testing.T) {
	t.Parallel()
	width := func(wander float64) time.Duration {
		n := newNight(10)
		for i := range 60 {
			tag := fmt.Sprint("tag ", i)
			n.Past[tag] = []Run{}
			for k := range 12 { // in every other night the later half took longer, in the others the earlier one
				sign := float64(k%2*2-1) * float64(i/30*2-1)
				n.Past[tag] = append(n.Past[tag], Run{
					Tag: tag, Batch: fmt.Sprint("before ", k), Like: Like{"sql", "default"}, Ended: noon.AddDate(0, 0, -1-k).Add(time.Duration(i) * time.Second),
					Seconds: 100 * math.Exp(sign*wander),
				})
			}
			n.add(100, func(j *Job) { j.Tag = tag })
			n.Ended = append(n.Ended, Run{Tag: tag, Batch: "night", Like: Like{"sql", "default"}, Seconds: 100, Ended: noon})
		}
		e := Of(&n.Queue)
		return e.P90.Sub(e.P10)
	}
	if steady, wandering := width(0), width(0.3); wandering < 3*steady {
		t.Errorf("after nights that wander the interval is %s wide, after steady ones %s", wandering, steady)
	}
}

func TestALongRunTonightIsTakenForDrift(t *testing.T) {
	t.Parallel()
	n := long()
	for i := range 10 {
		n.Jobs[i].StartedAt, n.Jobs[i].Executor = noon.Add(-200*time.Second), "e"
	}
	e := Of(&n.Queue)
	// Ten that have run 200 s of usually 100 need half as much again: 100 s; the other 50 five times 200 s.
	about(t, "P50", e.P50, 1100, 0.1)
}

func TestARunningJobTakesAsLongAsOneThatTookLonger(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name             string
		past             []float64
		elapsed, seconds float64 // it has run, it will run yet
	}{
		{"longer runs are known", []float64{10, 50, 50, 50, 50}, 30, 20},
		{"it runs longer than any before", []float64{10, 10, 10, 10}, 30, 15},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := newNight(1)
			j := n.add(1, running(int(tt.elapsed), "e"))
			n.Past[j.Tag] = nil
			n.knows(j.Tag, tt.past...)
			p := newPast(&n.Queue)
			p.drift = drift{}
			var left []float64
			for draw := range 100 {
				s := &schedule{plan: newPlan(p), draw: draw}
				left = append(left, s.run())
			}
			slices.Sort(left)
			if math.Abs(left[50]-tt.seconds) > 0.35*tt.seconds || tt.seconds == 15 && left[90] < 1.2*left[10] {
				t.Errorf("it is given %.1f s more, from %.1f to %.1f; want about %.0f, and doubt", left[50], left[10], left[90], tt.seconds)
			}
		})
	}
}

func TestAFailingTagIsTriedAgainAfterItsDelays(t *testing.T) {
	t.Parallel()
	n := newNight(1)
	n.add(10, func(j *Job) { j.TimeoutSeconds = 4 }) // never in time
	for draw := range 50 {
		s := &schedule{plan: newPlan(newPast(&n.Queue)), draw: draw}
		// Three attempts of 4 s, delays of 2.5 to 5 and 5 to 10 s.
		if got := s.run(); got < 19.5 || got > 27 {
			t.Errorf("it ends after %.1f s; must be within 19.5 and 27", got)
		}
	}
}

func TestFailuresOfThePastMakeABatchLonger(t *testing.T) {
	t.Parallel()
	n := long()
	before := Of(&n.Queue)
	for i := range 4 {
		n.Past["tag 100"] = append(n.Past["tag 100"], Run{Tag: "tag 100", Batch: "before", Like: Like{"sql", "default"}, Seconds: 100, Failed: true, Ended: noon.AddDate(0, 0, -9-i)})
	}
	if after := Of(&n.Queue); after.P50.Sub(before.P50) < time.Minute {
		t.Errorf("with every other attempt a failure it ends at %s, without at %s", after.P50, before.P50)
	}
}

func TestWhatFailsForGoodIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	n := newNight(1)
	n.add(10)
	n.Past["tag 10"] = nil
	for i := range 20 {
		n.Past["tag 10"] = append(n.Past["tag 10"], Run{
			Tag: "tag 10", Batch: fmt.Sprint("before ", i), Like: Like{"sql", "default"}, Seconds: 10, Failed: i%5 > 0, Final: i%5 > 0, Ended: noon.AddDate(0, 0, -1-i),
		})
	}
	for draw := range 50 {
		s := &schedule{plan: newPlan(newPast(&n.Queue)), draw: draw}
		if got := s.run(); math.Abs(got-10) > 1e-6 {
			t.Errorf("it ends after %.1f s; want 10, as it ended each time", got)
		}
	}
}

func TestWhatFollowsAtOnceHasNoGap(t *testing.T) {
	t.Parallel()
	n := newNight(1)
	for i := range 20 {
		n.Ended = append(n.Ended, Run{Tag: "tag 10", Batch: "night", Like: Like{"sql", "default"}, Seconds: 10, Waited: 600, Ended: noon.Add(time.Duration(i) * 10 * time.Second)})
	}
	n.add(10)
	storetest.Check(t, "gap", newPlan(newPast(&n.Queue)).gap, 0.0)
}

func TestTheGapsBetweenJobsAreThoseOfBefore(t *testing.T) {
	t.Parallel()
	chain := func(batch string, at time.Time) (runs []Run) {
		for i := range 20 { // one after the other: 10 s of work, 2 s of gap
			end := at.Add(time.Duration(i)*12*time.Second + 10*time.Second)
			runs = append(runs, Run{Tag: "tag 10", Batch: batch, Like: Like{"sql", "default"}, Seconds: 10, Waited: float64(12 * i), Ended: end})
		}
		slices.Reverse(runs)
		return runs
	}
	before, tonight := newNight(1), newNight(1)
	before.Past["tag 10"] = chain("before", noon.AddDate(0, 0, -1))
	tonight.Ended = chain("night", noon.Add(-time.Hour))
	for name, n := range map[string]*night{"in the batch before": before, "tonight": tonight} {
		for range 50 {
			n.add(10)
		}
		if got := n.plans(t).end; math.Abs(got-598) > 1 { // the last gap is behind the end
			t.Errorf("%s: 50 jobs of 10 s with gaps of 2 s between them end after %.0f s; want 598", name, got)
		}
	}
}

func TestATagThatHardlyEverRanIsTakenToBeLikeTheOthers(t *testing.T) {
	t.Parallel()
	n := newNight(1)
	for i := range 20 {
		n.add(float64(100 + i))
	}
	j := n.add(1)
	delete(n.Past, j.Tag)
	e := Of(&n.Queue)
	storetest.Check(t, "new tags", e.NewTags, 1)
	about(t, "P50", e.P50, 20*109.5+109.5, 0.1)
}

func TestLateIsTheShareOfTheDrawsThatEndAfterItIsDue(t *testing.T) {
	t.Parallel()
	n := long()
	for seconds, late := range map[float64]float64{100: 1, 600: 0.5, 6000: 0} {
		at := noon.Add(time.Duration(seconds) * time.Second)
		n.Due = &at
		if got := Of(&n.Queue).Late; math.Abs(got-late) > 0.15 {
			t.Errorf("due after %.0f s, it is late in %.0f %% of the draws; want about %.0f", seconds, 100*got, 100*late)
		}
	}
}

func TestNothingIsSaidWithAReason(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(n *night)
		why    string
	}{
		{"no history", func(n *night) { n.Past = map[string][]Run{} }, "100 % of the work is of tags that never succeeded before"},
		{"too little history", func(n *night) {
			for range 30 {
				n.add(100, func(j *Job) { j.Tag = "new" })
			}
			delete(n.Past, "new")
		}, "33 % of the work is of tags that never succeeded before"},
		{"a paused pool", func(n *night) { n.add(1, pool("shut", 1)) }, "pool shut is paused: 1 of its jobs cannot run"},
		{"a pool that is too small", func(n *night) { n.add(1, pool("warehouse", 5)) }, "pool warehouse has 4 slots: 1 of its jobs cannot run"},
		{"no such pool", func(n *night) { n.add(1, pool("gone", 1)) }, "there is no pool gone: 1 of its jobs cannot run"},
		{"no executor", func(n *night) { n.Executors = nil }, "no live executor takes kind sql of pool default: 60 of its jobs cannot run"},
		{"only executors that drain", func(n *night) { n.Executors[0].Drains = true }, "no live executor takes kind sql of pool default: 60 of its jobs cannot run"},
		{"a kind that nobody runs", func(n *night) { n.add(1, kind("http")) }, "no live executor takes kind http of pool default: 1 of its jobs cannot run"},
		{"a source that nobody reaches", func(n *night) { n.Executors[0].Lacks = map[string]string{"sql": "source dwh"} },
			"source dwh is unavailable to every executor that takes kind sql: 60 of its jobs cannot run"},
		{"no job", func(n *night) { n.Jobs = nil }, "it has no unfinished job"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := long()
			tt.change(n)
			e := Of(&n.Queue)
			storetest.Check(t, "refusal", e.Refusal, tt.why)
			storetest.Check(t, "P50", e.P50, time.Time{})
		})
	}
}

func TestABatchOfTooManyJobsGetsBounds(t *testing.T) {
	t.Parallel()
	n := long()
	n.OwnBeyond = 60
	e := Of(&n.Queue)
	storetest.Check(t, "bounds", e.Bounds, true)
	about(t, "lower bound", e.P10, 1200, 0.01)
	about(t, "upper bound", e.P90, 1300, 0.01)
}

func TestJobsBeyondAreALumpOfMeanWork(t *testing.T) {
	t.Parallel()
	n := long()
	n.add(50, others, priority(9))
	n.Beyond = []Lump{{Like: Like{"sql", "default"}, Priority: 8, RunAt: noon.Add(-time.Hour), Jobs: 400}}
	e := Of(&n.Queue) // 60·100 + 401·50 s on 10 workers
	about(t, "P50", e.P50, 2605, 0.1)
}

func TestWhatBindsIsWhatItsJobsWaitForMost(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		fill func(n *night)
		want string // with how much more
	}{
		{"a pool", func(n *night) {
			for range 40 {
				n.add(10, pool("warehouse", 1))
			}
		}, "pool warehouse (4 slots); with 6"},
		{"workers", func(n *night) {
			for range 200 {
				n.add(10)
			}
		}, "the 20 workers; with 30"},
		{"a mutex key", func(n *night) {
			for range 40 {
				n.add(10, mutex("eu"))
			}
		}, "mutex key eu"},
		{"run_at", func(n *night) { n.add(10, due(900)) }, "jobs that are not due before"},
		{"retries", func(n *night) { n.add(10, func(j *Job) { j.TimeoutSeconds = 1 }) }, "the delay of retries"},
		{"nothing but the work itself", func(n *night) { n.add(500) }, "its last job, 1 (tag 500)"},
		{"its last job, though others wait", func(n *night) {
			n.add(5000, priority(9))
			for range 100 {
				n.add(10)
			}
		}, "its last job, 1 (tag 5000)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := newNight(20)
			tt.fill(n)
			e := Of(&n.Queue)
			b := Bind(&n.Queue, &e)
			got := e.Sentence(&b, func(time.Time) string { return "then" })
			want := "likely then (8 of 10 times between then and then), bound by " + tt.want
			if strings.Contains(tt.want, "; with") {
				want += " about then"
			}
			storetest.Check(t, "sentence", got, want)
			if b.More > 0 && !b.P50.Before(e.P50) {
				t.Errorf("with more it ends at %s, without at %s", b.P50, e.P50)
			}
		})
	}
}

func TestAWideJobIsNamedIfWhatIsBehindWaitsForIt(t *testing.T) {
	t.Parallel()
	n := newNight(20)
	n.add(900, pool("warehouse", 3))
	n.add(900, pool("warehouse", 2))
	for range 30 {
		n.add(1, pool("warehouse", 1))
	}
	e := Of(&n.Queue)
	storetest.Check(t, "cause", e.Waits[0].Cause, WideJob)
	storetest.Check(t, "job", e.Waits[0].Name, "2")
}
