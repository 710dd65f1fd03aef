package bench

import "slices"

// drained is the baseline of scenarios that work jobs off, beside Floor and peers.
const drained = "drain"

var drainScenario = Scenario{
	Name: "drain", Short: "Work off no-op jobs", Jobs: 100_000, Workers: 100, Repeat: 3, Versus: true,
	comparisons: func(b *Bench) []comparison {
		d := trial{fill: fill{pending: b.Jobs}, target: b.Jobs}
		peers := b.peers(d)
		return []comparison{
			{
				ours: b.engineVariant("ours", d), baselines: append(b.floor(d), peers...),
				goals: []goal{ratioGoal(Floor, 0.9), ratioGoal(river, 2.5), walGoal(1300), cpuPerJobGoal(36)},
			},
			b.withoutKeys(d, peers, ratioGoal(river, 2.4), ratioGoal(graphile, 1.6), walGoal(900), cpuPerJobGoal(28)),
		}
	},
}

var backlogScenario = Scenario{
	Name: "backlog", Short: "Work off the first jobs of a long queue", Jobs: 50_000, Workers: 100, Repeat: 3, Pending: 1_000_000, Versus: true,
	comparisons: func(b *Bench) []comparison {
		d := trial{fill: fill{pending: max(b.Pending, b.Jobs)}, target: b.Jobs}
		return []comparison{b.againstDrain(d, b.peers(d), 0.9)}
	},
}

var historyScenario = Scenario{
	Name: "history", Short: "Work off jobs in a table full of finished ones", Jobs: 100_000, Workers: 100, Repeat: 3, Finished: 3_000_000, Versus: true,
	comparisons: func(b *Bench) []comparison {
		d := trial{fill: fill{pending: b.Jobs, finished: b.Finished}, target: b.Jobs}
		return []comparison{b.againstDrain(d, b.peers(d), 0.9)}
	},
}

var multiScenario = Scenario{
	Name: "multi", Short: "Work off jobs with several executors", Jobs: 100_000, Workers: 100, Repeat: 3, Processes: 4, Versus: true,
	comparisons: func(b *Bench) []comparison {
		d := trial{fill: fill{pending: b.Jobs}, target: b.Jobs, processes: b.Processes}
		peers := b.peers(d)
		return []comparison{
			b.againstDrain(d, peers, 0.85),
			b.withoutKeys(d, peers, ratioGoal(graphile, 1.2)),
		}
	},
}

// againstDrain compares with a drain of as many jobs, of which there are no
// more, by one executor.
func (b *Bench) againstDrain(d trial, peers []*variant, atLeast float64) comparison {
	return comparison{
		ours: b.engineVariant("ours", d), baselines: slices.Concat([]*variant{b.plainDrain(drained)}, b.floor(d), peers),
		goals: []goal{ratioGoal(drained, atLeast)},
	}
}

// withoutKeys compares peers with jobs that carry as little as theirs.
func (b *Bench) withoutKeys(d trial, peers []*variant, goals ...goal) comparison {
	d.fill.plain = true
	return comparison{
		name: "without_dedupe_key_and_batch", ours: b.engineVariant("ours, without dedupe key and batch", d),
		baselines: peers, goals: goals,
	}
}
