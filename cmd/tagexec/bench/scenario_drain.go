package bench

// What a scenario of working jobs off compares with besides Floor and River.
const drained = "drain"

var drainScenario = Scenario{
	Name: "drain", Short: "Work off no-op jobs", Jobs: 100_000, Workers: 100, Repeat: 3, Versus: true,
	contests: func(b *Bench) []contest {
		d := trial{fill: fill{pending: b.Jobs}, target: b.Jobs}
		bare := trial{fill: fill{pending: b.Jobs, plain: true}, target: b.Jobs}
		return []contest{
			{
				ours: b.engineSide("ours", d), versus: b.others(d),
				goals: []goal{ratioGoal(Floor, 0.9), ratioGoal(RiverQueue, 2.5), walGoal(2200)},
			},
			{
				name: "without_dedupe_key_and_batch", ours: b.engineSide("ours, without dedupe key and batch", bare),
				goals: []goal{walGoal(1800)},
			},
		}
	},
}

var backlogScenario = Scenario{
	Name: "backlog", Short: "Work off the first jobs of a long queue", Jobs: 50_000, Workers: 100, Repeat: 3, Pending: 1_000_000, Versus: true,
	contests: func(b *Bench) []contest {
		return b.againstDrain(trial{fill: fill{pending: max(b.Pending, b.Jobs)}, target: b.Jobs}, 0.9)
	},
}

var historyScenario = Scenario{
	Name: "history", Short: "Work off jobs in a table full of finished ones", Jobs: 100_000, Workers: 100, Repeat: 3, Finished: 3_000_000, Versus: true,
	contests: func(b *Bench) []contest {
		return b.againstDrain(trial{fill: fill{pending: b.Jobs, finished: b.Finished}, target: b.Jobs}, 0.9)
	},
}

var multiScenario = Scenario{
	Name: "multi", Short: "Work off jobs with several executors", Jobs: 100_000, Workers: 100, Repeat: 3, Processes: 4, Versus: true,
	contests: func(b *Bench) []contest {
		return b.againstDrain(trial{fill: fill{pending: b.Jobs}, target: b.Jobs, processes: b.Processes}, 0.75)
	},
}

// againstDrain compares with a drain of as many jobs, of which there are no
// more, by one executor.
func (b *Bench) againstDrain(d trial, atLeast float64) []contest {
	return []contest{{
		ours: b.engineSide("ours", d), versus: append([]*side{b.plainDrain(drained)}, b.others(d)...),
		goals: []goal{ratioGoal(drained, atLeast)},
	}}
}
