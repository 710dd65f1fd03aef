package estimate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// night makes the queue of a batch "night": jobs by seconds that they always took.
type night struct{ Queue }

func newNight(workers int) *night {
	return &night{Queue{
		Batch: "night", Now: noon, Past: map[string][]Run{},
		Pools:     []Pool{{Name: "default"}, {Name: "warehouse", Slots: 4}, {Name: "shut", Paused: true}},
		Executors: []Executor{{ID: "e", Workers: workers, Kinds: []string{"sql"}}},
	}}
}

// add adds a job of so many seconds; change, if any, changes it.
func (n *night) add(seconds float64, change ...func(*Job)) *Job {
	id := int64(len(n.Jobs) + 1)
	j := Job{
		ID: id, Tag: fmt.Sprint("tag ", seconds), Batch: n.Batch, Like: Like{"sql", "default"}, Slots: 1, Priority: 5,
		RunAt: noon.Add(-time.Hour), MaxAttempts: 3,
	}
	for _, f := range change {
		f(&j)
	}
	n.knows(j.Tag, seconds, seconds, seconds, seconds)
	n.Jobs = append(n.Jobs, j)
	return &n.Jobs[len(n.Jobs)-1]
}

// knows adds to the past of a tag, the newest first, one a night.
func (n *night) knows(tag string, seconds ...float64) {
	if n.Past[tag] != nil {
		return
	}
	for i, s := range seconds {
		n.Past[tag] = append(n.Past[tag], Run{
			Tag: tag, Batch: fmt.Sprint("before ", i), Like: Like{"sql", "default"}, Seconds: s, Ended: noon.AddDate(0, 0, -1-i),
		})
	}
}

// plans draws the queue once, without drift.
func (n *night) plans(t *testing.T) *schedule {
	t.Helper()
	s := &schedule{plan: newPlan(newPast(&n.Queue))}
	s.run()
	return s
}

// starts says when the batch's jobs began, as "id@seconds", in that order.
func (n *night) starts(t *testing.T) string {
	t.Helper()
	jobs := n.plans(t).jobs
	slices.SortFunc(jobs, func(a, b job) int { return cmp.Or(cmp.Compare(a.began, b.began), cmp.Compare(a.id, b.id)) })
	var list []string
	for _, j := range jobs {
		if j.own {
			list = append(list, fmt.Sprintf("%d@%.0f", j.id, j.began))
		}
	}
	return strings.Join(list, " ")
}
