package estimate

import (
	"fmt"
	"testing"
	"time"
)

// backfill is a night of a job for each of twenty days, of one tag on one worker, after
// three nights with as many: the n-th takes n times ten seconds, 2100 s together.
func backfill() *night {
	const days = 20
	n := newNight(1)
	run := func(batch string, day int, ended time.Time) Run {
		return Run{JobID: int64(day), Tag: "tag", Batch: batch, Like: Like{"sql", "default"}, Seconds: float64(10 * day), Ended: ended}
	}
	for day := 1; day <= days; day++ {
		n.Jobs = append(n.Jobs, Job{ID: int64(day), Tag: "tag", Batch: n.Batch, Like: Like{"sql", "default"}, Slots: 1, Priority: 5, RunAt: noon.Add(-time.Hour), MaxAttempts: 3})
	}
	for back := range 3 {
		for day := days; day >= 1; day-- {
			n.Past["tag"] = append(n.Past["tag"], run(fmt.Sprint("before ", back), day, noon.AddDate(0, 0, -1-back).Add(time.Duration(day)*time.Minute)))
		}
	}
	return n
}

func TestAJobIsComparedWithThoseInItsPlace(t *testing.T) {
	t.Parallel()
	n := backfill()
	about(t, "P50 at the beginning", Of(&n.Queue).P50, 2100, 0.1)

	n = backfill()
	for _, j := range n.Jobs[:15] { // 1200 s have passed, as expected
		n.Ended = append(n.Ended, Run{JobID: j.ID, Tag: "tag", Batch: n.Batch, Like: j.Like, Seconds: float64(10 * j.ID), Ended: noon.Add(-time.Duration(15-j.ID) * time.Minute)})
	}
	n.Jobs = n.Jobs[15:]
	e := Of(&n.Queue)
	about(t, "P50 at three quarters", e.P50, 900, 0.1)
	if e.Last.Tag != "tag" || e.NewTags != 0 {
		t.Errorf("the last job is one of %q, and %d tags are new", e.Last.Tag, e.NewTags)
	}
}

// A batch that has another number of jobs than those before it is drawn from all of these.
func TestWithoutAPlaceAJobIsComparedWithAllOfItsTag(t *testing.T) {
	t.Parallel()
	n := backfill()
	n.Jobs = append(n.Jobs, n.Jobs[0])
	n.Jobs[20].ID = 21
	about(t, "P50", Of(&n.Queue).P50, 21*105, 0.2)
}
