package page

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tagexec/tagexec/store/report"
)

// What waits at a moment is found by two searches; here all runs are looked at, of which some
// start before they could, as after a clock was set back.
func TestWhatWaitsAtAMoment(t *testing.T) {
	t.Parallel()
	dice := rand.New(rand.NewPCG(1, 1))
	at := func(second int) time.Time { return time.Unix(int64(second), 0) }
	for range 300 {
		runs := make([]report.Run, dice.IntN(20))
		for i := range runs {
			runs[i] = report.Run{QueuedAt: at(dice.IntN(12)), StartedAt: at(dice.IntN(12)), Pool: string(rune('a' + i))}
		}
		slices.SortStableFunc(runs, func(a, b report.Run) int { return a.StartedAt.Compare(b.StartedAt) })
		for moment := range 13 {
			want, pool := 0, ""
			for _, run := range runs {
				if run.QueuedAt.Before(at(moment)) && !run.StartedAt.Before(at(moment)) {
					if want++; want == 1 {
						pool = run.Pool
					}
				}
			}
			if got, of := (whyIdle{runs: runs, queued: queuedTimes(runs)}).waited(at(moment)); got != want || of != pool {
				t.Fatalf("at %d of %+v wait %d, the first in %q; want %d in %q", moment, runs, got, of, want, pool)
			}
		}
	}
}
