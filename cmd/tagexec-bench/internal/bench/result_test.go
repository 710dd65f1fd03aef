package bench

import (
	"maps"
	"testing"
)

func TestRatiosAreTakenBetweenRunsOfOneTurn(t *testing.T) {
	t.Parallel()
	ours, theirs := &variant{name: "ours"}, &variant{name: Floor}
	runs := map[*variant][]run{
		ours: {
			{rate: 100, serverCPU: 20, clientCPU: 5, quarters: []float64{10, 20, 30, 5}, waits: []float64{3, 1, 2}},
			{rate: 300, serverCPU: 30, clientCPU: 7, quarters: []float64{10, 20, 30, 9}, waits: []float64{9, 9, 6}},
		},
		theirs: {
			{rate: 200, waits: []float64{1}},
			{rate: 200, waits: []float64{2}},
		},
	}
	r := newResult(comparison{
		ours: ours, baselines: []*variant{theirs}, flat: true,
		goals: []goal{ratioGoal(Floor, 1.1), cpuPerJobGoal(31), evenGoal(0.8), waitRatioGoal(Floor, 3.2), ratioGoal(river, 1)},
	}, runs)
	for name, c := range map[string]struct{ got, want *Spread }{
		"rate":                  {r.Versus[Floor].Ratio, &Spread{0.5, 1, 1.5}},
		"p50":                   {r.Versus[Floor].WaitRatio, &Spread{2, 3.25, 4.5}},
		"last quarter to first": {r.Ours.LastToFirst, &Spread{0.5, 0.7, 0.9}},
		"CPU":                   {r.Ours.CPU, &Spread{25, 31, 37}},
	} {
		if c.got == nil || *c.got != *c.want {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	met := map[string]bool{}
	for _, g := range r.Goals {
		met[g.Text] = g.Met
	}
	want := map[string]bool{"≥ 1.1 × floor": false, "≤ 31 µs of CPU a job": true, "last quarter ≥ 0.8 × first": false, "p50 ≤ 3.2 × floor": false}
	if !maps.Equal(met, want) {
		t.Errorf("goals %v, want %v: one that was not measured is left out", met, want)
	}
}
