package main

import (
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The side of tagexec, in small: the other two need packages from the network.
func TestAComputingJobDelaysNeitherHeartbeatNorNeighbour(t *testing.T) {
	t.Parallel()
	p := parameters{Workers: 2, Sleeps: []float64{0.05, 0.01, 0.02}, InFlight: 20, Spin: 3}
	m, err := withTagexec(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", m)
	if best := atBest(p); best != 0.05 || m.Wall < best {
		t.Errorf("the sleeps took %g s; at best it is %g s", m.Wall, best)
	}
	if m.Gap <= 0 || m.Gap > p.Spin/2 || m.Neighbour < 0.1 || m.Neighbour > p.Spin/2 {
		t.Errorf("beside a job that computes for %g s: %g s between heartbeats, and a neighbour took %g s", p.Spin, m.Gap, m.Neighbour)
	}
	if table := render(p, m, m, m); strings.Count(table, "\n") != 6 {
		t.Errorf("table:\n%s", table)
	}
}
