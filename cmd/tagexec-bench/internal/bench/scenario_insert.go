package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tagexec/tagexec/cmd/internal/wait"
)

// singleClients are producers that insert one row at a time, at the same time.
const singleClients = 16

var insertScenario = Scenario{
	Name: "insert", Short: "Insert jobs, in one statement and one by one", Jobs: 100_000, Repeat: 3,
	comparisons: func(b *Bench) []comparison {
		const bare = "bare"
		return []comparison{
			{
				ours: b.insertVariant("ours, one statement", 0, false), baselines: []*variant{b.insertVariant(bare, 0, true)},
				goals: []goal{timeGoal(bare, 1.3)},
			},
			{
				name: "single_rows", ours: b.insertVariant("ours, single rows", singleClients, false),
				baselines: []*variant{b.insertVariant(bare, singleClients, true)},
				goals:     []goal{ratioGoal(bare, 0.85)},
			},
		}
	},
}

// insertVariant inserts into an empty queue, with the triggers or without.
func (b *Bench) insertVariant(name string, clients int, bare bool) *variant {
	return b.trialVariant(name, trial{
		fill: fill{bare: bare}, target: b.Jobs, options: WorkerOptions{Role: roleInsert, Jobs: b.Jobs, Clients: clients},
	})
}

var notifyScenario = Scenario{
	Name: "notify", Short: "Insert jobs one by one while an executor works", Jobs: 50_000, Workers: 100, Repeat: 3,
	comparisons: func(b *Bench) []comparison {
		const polling = "polling"
		return []comparison{{
			ours: b.notifyVariant("ours", false), baselines: []*variant{b.notifyVariant(polling, true)},
			goals: []goal{ratioGoal(polling, 0.95)},
		}}
	},
}

func (b *Bench) notifyVariant(name string, pollOnly bool) *variant {
	return b.trialVariant(name, trial{
		target: b.Jobs, options: WorkerOptions{Role: roleInsert, Jobs: b.Jobs, Clients: singleClients},
		background: b.executor(WorkerOptions{Role: roleEngine, Workers: b.Workers, PollOnly: pollOnly}),
	})
}

// executor is one that works while a run lasts.
func (b *Bench) executor(o WorkerOptions) background {
	return func(ctx context.Context, url string) (func() error, error) {
		o.Database = url
		ps := newProcesses()
		if _, err := ps.start(ctx, b.worker(ctx), o); err != nil {
			return nil, err
		}
		ps.begin()
		listening, stop := context.WithCancel(ctx)
		var listener sync.WaitGroup
		listener.Go(func() { _, _ = ps.await(listening, func(Message) bool { return false }) }) // end reports what went wrong
		end := func() error {
			stop()
			listener.Wait()
			return ps.end(ctx)
		}
		if err := b.registered(ctx, url); err != nil {
			_ = end() // the first error is the one to report
			return nil, err
		}
		return end, nil
	}
}

// registered waits until an executor is at work.
func (b *Bench) registered(ctx context.Context, url string) error {
	db, err := openPool(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close()
	return eventually(ctx, db, "SELECT EXISTS (SELECT FROM tagexec.tag_executors WHERE kinds = '{"+kind+"}')", "an executor to register")
}

// eventually waits until a query returns true.
func eventually(ctx context.Context, db *pgxpool.Pool, sql, what string) error {
	for end := time.Now().Add(silence); time.Now().Before(end); wait.For(ctx, 20*time.Millisecond) {
		var yes bool
		if err := db.QueryRow(ctx, sql).Scan(&yes); err != nil {
			return fmt.Errorf("wait for %s: %w", what, err)
		}
		if yes {
			return nil
		}
	}
	return fmt.Errorf("waited in vain for %s", what)
}
