package bench

// drained is the baseline of scenarios that work jobs off, beside Floor and River.
const drained = "drain"

var drainScenario = Scenario{
	Name: "drain", Short: "Work off no-op jobs", Jobs: 100_000, Workers: 100, Repeat: 3, Versus: true,
	comparisons: func(b *Bench) []comparison {
		d := trial{fill: fill{pending: b.Jobs}, target: b.Jobs}
		bare := trial{fill: fill{pending: b.Jobs, plain: true}, target: b.Jobs}
		return []comparison{
			{
				ours: b.engineVariant("ours", d), baselines: b.baselines(d),
				goals: []goal{ratioGoal(Floor, 0.9), ratioGoal(RiverQueue, 2.5), walGoal(2200)},
			},
			{
				name: "without_dedupe_key_and_batch", ours: b.engineVariant("ours, without dedupe key and batch", bare),
				goals: []goal{walGoal(1800)},
			},
		}
	},
}

var backlogScenario = Scenario{
	Name: "backlog", Short: "Work off the first jobs of a long queue", Jobs: 50_000, Workers: 100, Repeat: 3, Pending: 1_000_000, Versus: true,
	comparisons: func(b *Bench) []comparison {
		return b.againstDrain(trial{fill: fill{pending: max(b.Pending, b.Jobs)}, target: b.Jobs}, 0.9)
	},
}

var historyScenario = Scenario{
	Name: "history", Short: "Work off jobs in a table full of finished ones", Jobs: 100_000, Workers: 100, Repeat: 3, Finished: 3_000_000, Versus: true,
	comparisons: func(b *Bench) []comparison {
		return b.againstDrain(trial{fill: fill{pending: b.Jobs, finished: b.Finished}, target: b.Jobs}, 0.9)
	},
}

var multiScenario = Scenario{
	Name: "multi", Short: "Work off jobs with several executors", Jobs: 100_000, Workers: 100, Repeat: 3, Processes: 4, Versus: true,
	comparisons: func(b *Bench) []comparison {
		return b.againstDrain(trial{fill: fill{pending: b.Jobs}, target: b.Jobs, processes: b.Processes}, 0.75)
	},
}

// againstDrain compares with a drain of as many jobs, of which there are no
// more, by one executor.
func (b *Bench) againstDrain(d trial, atLeast float64) []comparison {
	return []comparison{{
		ours: b.engineVariant("ours", d), baselines: append([]*variant{b.plainDrain(drained)}, b.baselines(d)...),
		goals: []goal{ratioGoal(drained, atLeast)},
	}}
}
