package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/wait"
)

var latencyScenario = Scenario{
	Name: "latency", Short: "Time from a plain INSERT to the start of its job, on an idle executor", Jobs: 100, Repeat: 3,
	comparisons: func(b *Bench) []comparison {
		const polling = "polling"
		return []comparison{{
			ours:      b.latencyVariant("ours", WorkerOptions{Role: roleLatency}),
			baselines: []*variant{b.latencyVariant(Floor, WorkerOptions{Role: roleLeast}), b.latencyVariant(polling, WorkerOptions{Role: roleLatency, PollOnly: true})},
			goals:     []goal{waitGoal("", 0.5, 1.5), waitGoal("", 0.99, 10), waitRatioGoal(Floor, 1.25), waitGoal(polling, 0.99, milliseconds(latencyPoll)+50)},
		}}
	},
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

func (b *Bench) latencyVariant(name string, o WorkerOptions) *variant {
	o.Workers, o.Jobs = 10, b.Jobs
	return &variant{name, fill{}, func(ctx context.Context) (r run, err error) {
		err = b.watch(ctx, o, func(w watched) error {
			m, err := w.await(ctx, func(m Message) bool {
				b.Show(m.Running, b.Jobs, "inserting")
				return m.Waits != nil
			})
			r.waits = m.Waits
			return err
		})
		return r, err
	}}
}

// memorySettle is how long memory may take to come to rest.
const memorySettle = time.Second

var memoryScenario = Scenario{
	Name: "memory", Short: "Memory of an executor with all its workers busy", Jobs: 5_000, Repeat: 3,
	comparisons: func(b *Bench) []comparison {
		return []comparison{{ours: b.memoryVariant(), goals: []goal{bytesGoal(3500)}}}
	},
}

// memoryVariant compares one process with itself: with a worker for each job, all
// of them idle, and with every job in flight.
func (b *Bench) memoryVariant() *variant {
	return &variant{"ours", fill{}, func(ctx context.Context) (r run, err error) {
		err = b.watch(ctx, WorkerOptions{Role: roleHold, Workers: b.Jobs, Jobs: b.Jobs}, func(w watched) error {
			wait.For(ctx, memorySettle)
			idle := memory(w.pid, "VmRSS")
			db, err := openPool(ctx, w.url)
			if err != nil {
				return err
			}
			defer db.Close()
			if _, err := db.Exec(ctx, fill{}.pendingSQL(), 1, b.Jobs, "", 0); err != nil {
				return fmt.Errorf("insert jobs: %w", err)
			}
			if _, err := w.await(ctx, func(m Message) bool { return m.Running == b.Jobs }); err != nil {
				return err
			}
			wait.For(ctx, memorySettle)
			r.bytesPerJob = float64(memory(w.pid, "VmRSS")-idle) / float64(b.Jobs)
			r.rss = float64(memory(w.pid, "VmHWM"))
			return nil
		})
		return r, err
	}}
}

// idleSettle is how long an executor may take until it is idle.
const idleSettle = 2 * time.Second

var idleScenario = Scenario{
	Name: "idle", Short: "What an idle executor costs", Workers: 100, Repeat: 1, Idle: 20 * time.Second,
	comparisons: func(b *Bench) []comparison {
		return []comparison{{ours: b.idleVariant(), goals: []goal{cpuGoal(0.005), queriesGoal(10)}}}
	},
}

func (b *Bench) idleVariant() *variant {
	return &variant{"ours", fill{}, func(ctx context.Context) (r run, err error) {
		err = b.watch(ctx, WorkerOptions{Role: roleEngine, Workers: b.Workers}, func(w watched) error {
			wait.For(ctx, idleSettle)
			began, cpu := time.Now(), processCPU(w.pid)
			before, err := b.readCounters(ctx, w.name)
			if err != nil {
				return err
			}
			wait.For(ctx, b.Idle)
			passed := time.Since(began).Seconds()
			r.cpuShare = (processCPU(w.pid) - cpu).Seconds() / passed
			after, err := b.readCounters(ctx, w.name)
			if err != nil {
				return err
			}
			r.queriesPerSecond = (after.queries - before.queries) / passed
			r.commitsPerSecond = (after.commits - before.commits) / passed
			r.rss = float64(memory(w.pid, "VmHWM"))
			return nil
		})
		return r, err
	}}
}

// watched is an executor at work on an empty queue.
type watched struct {
	*processes
	pid       int
	url, name string
}

// watch starts an executor, looks at it once it has registered, and ends it.
func (b *Bench) watch(ctx context.Context, o WorkerOptions, look func(watched) error) (err error) {
	url, name, err := b.setup.fresh(ctx, fill{})
	if err != nil {
		return err
	}
	o.Database = url
	ps := newProcesses()
	defer func() { err = errors.Join(err, ps.end(ctx)) }()
	p, err := ps.start(ctx, b.worker(ctx), o)
	if err != nil {
		return err
	}
	ps.begin()
	if err := b.registered(ctx, url); err != nil {
		return err
	}
	return look(watched{ps, p.cmd.Process.Pid, url, name})
}
