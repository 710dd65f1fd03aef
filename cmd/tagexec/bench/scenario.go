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
	Versus    bool // it can be run against Floor and River

	contests func(b *Bench) []contest
}

// Scenarios are all there are, in the order of the help.
var Scenarios = []Scenario{
	drainScenario, backlogScenario, historyScenario, multiScenario, horizonScenario, limitsScenario, blockedScenario,
	latencyScenario, insertScenario, notifyScenario, memoryScenario, idleScenario,
}

func (b *Bench) trialSide(name string, t trial) *side {
	return &side{name, t.fill, func(ctx context.Context) (run, error) { return b.try(ctx, t) }}
}

// engineSide is our engine, working off what a queue was filled with.
func (b *Bench) engineSide(name string, t trial) *side {
	t.orders = Orders{Role: roleEngine, Workers: max(1, b.Workers/max(1, t.processes))}
	return b.trialSide(name, t)
}

// others are the sides that were asked for, doing the same.
func (b *Bench) others(t trial) (sides []*side) {
	if slices.Contains(b.Versus, Floor) {
		floor := t
		floor.orders = Orders{Role: roleFloor}
		sides = append(sides, b.trialSide(Floor, floor))
	}
	if slices.Contains(b.Versus, RiverQueue) {
		river := t
		river.fill = fill{river: true, pending: t.fill.pending, finished: t.fill.finished}
		sides = append(sides, b.trialSide(RiverQueue, river))
	}
	return sides
}

// plainDrain is what other scenarios are compared with.
func (b *Bench) plainDrain(name string) *side {
	return b.engineSide(name, trial{fill: fill{pending: b.Jobs}, target: b.Jobs})
}
