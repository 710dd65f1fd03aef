package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// singleClients are producers that insert one row at a time, at the same time.
const singleClients = 16

var insertScenario = Scenario{
	Name: "insert", Short: "Insert jobs, in one statement and one by one", Jobs: 100_000, Repeat: 3,
	contests: func(b *Bench) []contest {
		const bare = "bare"
		return []contest{
			{
				ours: b.insertSide("ours, one statement", 0, false), versus: []*side{b.insertSide(bare, 0, true)},
				goals: []goal{timeGoal(bare, 1.3)},
			},
			{
				name: "single_rows", ours: b.insertSide("ours, single rows", singleClients, false),
				versus: []*side{b.insertSide(bare, singleClients, true)},
				goals:  []goal{ratioGoal(bare, 0.8)},
			},
		}
	},
}

// insertSide inserts into an empty queue, with the triggers or without.
func (b *Bench) insertSide(name string, clients int, bare bool) *side {
	return b.trialSide(name, trial{
		fill: fill{bare: bare}, target: b.Jobs, orders: Orders{Role: roleInsert, Jobs: b.Jobs, Clients: clients},
	})
}

var notifyScenario = Scenario{
	Name: "notify", Short: "Insert jobs one by one while an executor works", Jobs: 50_000, Workers: 100, Repeat: 3,
	contests: func(b *Bench) []contest {
		const polling = "polling"
		return []contest{{
			ours: b.notifySide("ours", false), versus: []*side{b.notifySide(polling, true)},
			goals: []goal{ratioGoal(polling, 0.95)},
		}}
	},
}

func (b *Bench) notifySide(name string, pollOnly bool) *side {
	return b.trialSide(name, trial{
		target: b.Jobs, orders: Orders{Role: roleInsert, Jobs: b.Jobs, Clients: singleClients},
		beside: b.executor(Orders{Role: roleEngine, Workers: b.Workers, PollOnly: pollOnly}),
	})
}

// executor is one that works beside a run.
func (b *Bench) executor(o Orders) besides {
	return func(ctx context.Context, url string) (func() error, error) {
		o.Database = url
		t := newTeam()
		if _, err := t.start(ctx, b.worker(ctx), o); err != nil {
			return nil, err
		}
		t.begin()
		listening, stop := context.WithCancel(ctx)
		var listener sync.WaitGroup
		listener.Go(func() { _, _ = t.await(listening, func(Message) bool { return false }) }) // what went wrong, end tells
		end := func() error {
			stop()
			listener.Wait()
			return t.end(ctx)
		}
		if err := b.registered(ctx, url); err != nil {
			_ = end() // the error to tell is known
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
	for end := time.Now().Add(silence); time.Now().Before(end); pause(ctx, 20*time.Millisecond) {
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
