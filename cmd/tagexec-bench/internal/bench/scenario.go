package bench

import (
	"context"
	"slices"
	"time"
)

// Scenario is something that is measured. Its numbers are defaults; a number
// that is 0 means nothing to it.
type Scenario struct {
	Name, Short string

	Jobs      int
	Workers   int
	Repeat    int
	Pending   int
	Finished  int
	Processes int
	Idle      time.Duration
	Versus    bool // it can be run against Comparable

	comparisons func(b *Bench) []comparison
}

// Scenarios are all there are, in the order of the help.
var Scenarios = []Scenario{
	drainScenario, backlogScenario, historyScenario, multiScenario, horizonScenario, limitsScenario, blockedScenario,
	latencyScenario, insertScenario, notifyScenario, memoryScenario, idleScenario,
}

func (b *Bench) trialVariant(name string, t trial) *variant {
	return &variant{name, t.fill, func(ctx context.Context) (run, error) { return b.try(ctx, t) }}
}

// engineVariant is our engine, working off what a queue was filled with.
func (b *Bench) engineVariant(name string, t trial) *variant {
	t.options = WorkerOptions{Role: roleEngine, Workers: max(1, b.Workers/max(1, t.processes))}
	return b.trialVariant(name, t)
}

// floor is the Floor, if it was asked for, doing the same.
func (b *Bench) floor(t trial) (list []*variant) {
	if slices.Contains(b.Versus, Floor) {
		t.options = WorkerOptions{Role: roleFloor}
		list = append(list, b.trialVariant(Floor, t))
	}
	return list
}

// peers are those that were asked for, doing the same on queues of their own.
func (b *Bench) peers(t trial) (list []*variant) {
	for _, name := range b.Versus {
		if _, known := peers[name]; known {
			t.fill = fill{peer: name, pending: t.fill.pending, finished: t.fill.finished}
			list = append(list, b.trialVariant(name, t))
		}
	}
	return list
}

// plainDrain is what other scenarios are compared with.
func (b *Bench) plainDrain(name string) *variant {
	return b.engineVariant(name, trial{fill: fill{pending: b.Jobs}, target: b.Jobs})
}
