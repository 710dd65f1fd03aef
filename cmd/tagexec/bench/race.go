package bench

import (
	"context"
	"fmt"
	"time"
)

// side is one of those that are compared.
type side struct {
	name string
	fill fill // what its queue holds
	run  func(ctx context.Context) (run, error)
}

// contest compares ours with others, and with goals.
type contest struct {
	name   string // "" for the scenario's own, else of a variant
	ours   *side
	versus []*side
	goals  []goal
	flat   bool // tell how the slowest slice compares with the fastest
}

// run is what one run of one side has shown; 0 is not measured.
type run struct {
	rate   float64   // jobs per second
	slices []float64 // the same, slice by slice
	waits  []float64 // ms from insert to start

	rss       float64 // bytes, at most
	wal       float64 // bytes per job
	commits   float64 // per job
	queries   float64 // per job
	serverCPU float64 // µs per job
	clientCPU float64 // µs per job

	bytesPerJob                                  float64 // in flight
	cpuShare, queriesPerSecond, commitsPerSecond float64 // idle
}

// race lets all sides run in turns.
func (b *Bench) race(ctx context.Context, contests []contest) (map[*side][]run, error) {
	var sides []*side
	runs := map[*side][]run{}
	for _, c := range contests {
		for _, s := range append([]*side{c.ours}, c.versus...) {
			if _, known := runs[s]; !known {
				runs[s] = nil
				sides = append(sides, s)
			}
		}
	}
	for _, s := range sides {
		if err := b.ground.prepare(ctx, s.fill); err != nil {
			return nil, err
		}
	}
	for turn := range b.Repeat {
		for _, s := range sides {
			began := time.Now()
			r, err := s.run(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			runs[s] = append(runs[s], r)
			b.Log("turn %d of %d, %s: %s (%s in all)", turn+1, b.Repeat, s.name, r, time.Since(began).Round(100*time.Millisecond))
		}
	}
	return runs, nil
}

// String is the run's figure, whichever it is.
func (r run) String() string {
	switch {
	case r.waits != nil:
		return fmt.Sprintf("p50 %.2f ms, p99 %.2f ms", quantile(r.waits, 0.5), quantile(r.waits, 0.99))
	case r.bytesPerJob > 0:
		return fmt.Sprintf("%.1f kB a job", r.bytesPerJob/1000)
	case r.rate == 0:
		return fmt.Sprintf("%.2f %% of a core, %.1f queries/s", r.cpuShare*100, r.queriesPerSecond)
	}
	return whole(r.rate) + "/s"
}
