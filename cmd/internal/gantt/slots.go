package gantt

import (
	"slices"
	"time"

	"github.com/tagexec/tagexec/store/report"
)

// Slot is one slot of an executor: runs that did not overlap, by their start.
type Slot struct {
	Executor string // id
	Hostname string
	First    bool // of its executor
	Runs     []*report.Run
}

// Label is the host of the slot's executor, at its first slot alone; where that executor
// is not known any more, the beginning of its id.
func (s *Slot) Label() string {
	switch {
	case !s.First:
		return ""
	case s.Hostname == "":
		return s.Executor[:min(8, len(s.Executor))]
	}
	return s.Hostname
}

// Slots puts runs, which come by their start, into the first slot of their executor that
// is free: so there are as many as overlap. Those of an executor stand together.
func Slots(runs []report.Run, now time.Time) []*Slot {
	executors := map[string][]*Slot{}
	var order []string
	for i := range runs {
		run := &runs[i]
		slots, known := executors[run.ExecutorID]
		if !known {
			order = append(order, run.ExecutorID)
		}
		free := slices.IndexFunc(slots, func(s *Slot) bool { return !End(s.Runs[len(s.Runs)-1], now).After(run.StartedAt) })
		if free < 0 {
			free, slots = len(slots), append(slots, &Slot{Executor: run.ExecutorID, Hostname: run.Hostname, First: len(slots) == 0})
			executors[run.ExecutorID] = slots
		}
		slots[free].Runs = append(slots[free].Runs, run)
	}
	var all []*Slot
	for _, id := range order {
		all = append(all, executors[id]...)
	}
	return all
}

// End is when a run ended, or now if it has not.
func End(run *report.Run, now time.Time) time.Time {
	end := now
	if run.FinishedAt != nil {
		end = *run.FinishedAt
	}
	if end.Before(run.StartedAt) { // a clock was set back, or this one is behind
		return run.StartedAt
	}
	return end
}
