package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

var latencyScenario = Scenario{
	Name: "latency", Short: "Time from a plain INSERT to the start of its job, on an idle executor", Jobs: 100, Repeat: 3,
	contests: func(b *Bench) []contest {
		const polling = "polling"
		return []contest{{
			ours:   b.latencySide("ours", Orders{Role: roleLatency}),
			versus: []*side{b.latencySide(Floor, Orders{Role: roleLeast}), b.latencySide(polling, Orders{Role: roleLatency, PollOnly: true})},
			goals:  []goal{waitGoal("", 0.5, 1.5), waitGoal("", 0.99, 10), waitGoal(polling, 0.99, milliseconds(latencyPoll)+50)},
		}}
	},
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

func (b *Bench) latencySide(name string, o Orders) *side {
	o.Workers, o.Jobs = 10, b.Jobs
	return &side{name, fill{}, func(ctx context.Context) (r run, err error) {
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
	contests: func(b *Bench) []contest {
		return []contest{{ours: b.memorySide(), goals: []goal{bytesGoal(8000)}}}
	},
}

// memorySide compares one process with itself: with a worker for each job, all
// of them idle, and with every job in flight.
func (b *Bench) memorySide() *side {
	return &side{"ours", fill{}, func(ctx context.Context) (r run, err error) {
		err = b.watch(ctx, Orders{Role: roleHold, Workers: b.Jobs, Jobs: b.Jobs}, func(w watched) error {
			pause(ctx, memorySettle)
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
			pause(ctx, memorySettle)
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
	contests: func(b *Bench) []contest {
		return []contest{{ours: b.idleSide(), goals: []goal{cpuGoal(0.005), queriesGoal(10)}}}
	},
}

func (b *Bench) idleSide() *side {
	return &side{"ours", fill{}, func(ctx context.Context) (r run, err error) {
		err = b.watch(ctx, Orders{Role: roleEngine, Workers: b.Workers}, func(w watched) error {
			pause(ctx, idleSettle)
			began, cpu := time.Now(), processCPU(w.pid)
			before, err := b.readCounters(ctx, w.name)
			if err != nil {
				return err
			}
			pause(ctx, b.Idle)
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
	*team
	pid       int
	url, name string
}

// watch starts an executor, looks at it once it has registered, and ends it.
func (b *Bench) watch(ctx context.Context, o Orders, look func(watched) error) (err error) {
	url, name, err := b.ground.fresh(ctx, fill{})
	if err != nil {
		return err
	}
	o.Database = url
	t := newTeam()
	defer func() { err = errors.Join(err, t.end(ctx)) }()
	p, err := t.start(ctx, b.worker(ctx), o)
	if err != nil {
		return err
	}
	t.begin()
	if err := b.registered(ctx, url); err != nil {
		return err
	}
	return look(watched{t, p.cmd.Process.Pid, url, name})
}
