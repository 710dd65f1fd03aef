package bench

import (
	"context"
	"fmt"
	"time"
)

// variant is something that is measured: our engine on one kind of queue, or a
// baseline.
type variant struct {
	name string
	fill fill // what its queue holds
	run  func(ctx context.Context) (run, error)
}

// comparison compares a variant of ours with baselines and with goals.
type comparison struct {
	name      string // "" for the scenario's own, else of a variant
	ours      *variant
	baselines []*variant
	goals     []goal
	flat      bool // report the slowest slice in relation to the fastest
}

// run holds the figures of one run of one variant; 0 is not measured.
type run struct {
	rate     float64   // jobs per second
	slices   []float64 // the same, slice by slice
	quarters []float64 // the same, quarter by quarter
	waits    []float64 // ms from insert to start

	rss       float64 // bytes, at most
	wal       float64 // bytes per job
	commits   float64 // per job
	queries   float64 // per job
	serverCPU float64 // µs per job
	clientCPU float64 // µs per job

	bytesPerJob                                  float64 // in flight
	cpuShare, queriesPerSecond, commitsPerSecond float64 // idle
}

// measure runs all variants in turns.
func (b *Bench) measure(ctx context.Context, comparisons []comparison) (map[*variant][]run, error) {
	var variants []*variant
	runs := map[*variant][]run{}
	for _, c := range comparisons {
		for _, v := range append([]*variant{c.ours}, c.baselines...) {
			if _, known := runs[v]; !known {
				runs[v] = nil
				variants = append(variants, v)
			}
		}
	}
	for _, v := range variants {
		if err := b.setup.prepare(ctx, v.fill); err != nil {
			return nil, err
		}
	}
	for turn := range b.Repeat {
		for _, v := range variants {
			began := time.Now()
			r, err := v.run(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", v.name, err)
			}
			runs[v] = append(runs[v], r)
			b.Log("turn %d of %d, %s: %s (%s in all)", turn+1, b.Repeat, v.name, r, time.Since(began).Round(100*time.Millisecond))
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
