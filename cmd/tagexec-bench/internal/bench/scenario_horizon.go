package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
)

// spreadKeys is how many mutex keys jobs are spread over.
const spreadKeys = 10_000

var horizonScenario = Scenario{
	Name: "horizon", Short: "Work off jobs while an old snapshot holds vacuum back", Jobs: 300_000, Workers: 100, Repeat: 3, Versus: true,
	comparisons: func(b *Bench) []comparison {
		snapshot := trial{fill: fill{pending: b.Jobs}, target: b.Jobs, background: oldSnapshot}
		pool := trial{fill: fill{pending: b.Jobs, pool: roomyPool}, target: b.Jobs, background: oldSnapshot}
		keys := trial{fill: fill{pending: b.Jobs, keys: spreadKeys}, target: b.Jobs, background: oldSnapshot}
		writing := trial{fill: fill{pending: b.Jobs}, target: b.Jobs, background: oldWriter}
		scanned := trial{fill: fill{pending: b.Jobs}, target: b.Jobs, background: analysts}
		goals := []goal{flatGoal(0.8), evenGoal(0.9)}
		// How much slices differ on this machine when nothing is held back.
		control := b.plainDrain("unhindered")
		return []comparison{
			{ours: b.engineVariant("ours", snapshot), baselines: slices.Concat([]*variant{control}, b.floor(snapshot), b.peers(snapshot)), goals: goals, flat: true},
			{name: "limited_pool", ours: b.engineVariant("ours, limited pool", pool), goals: goals, flat: true},
			{name: "mutex_keys", ours: b.engineVariant("ours, mutex keys", keys), goals: goals, flat: true},
			{name: "writing_transaction", ours: b.engineVariant("ours, old writing transaction", writing), goals: goals, flat: true},
			{name: "analysts", ours: b.engineVariant("ours, old snapshot, 4 analysts", scanned), goals: goals, flat: true},
		}
	},
}

var limitsScenario = Scenario{
	Name: "limits", Short: "Work off jobs of a limited pool, and jobs with mutex keys", Jobs: 100_000, Workers: 100, Repeat: 3,
	comparisons: func(b *Bench) []comparison {
		const unlimited = "unlimited"
		plain := b.plainDrain(unlimited)
		pool := trial{fill: fill{pending: b.Jobs, pool: roomyPool}, target: b.Jobs}
		keys := trial{fill: fill{pending: b.Jobs, keys: spreadKeys}, target: b.Jobs}
		return []comparison{
			{ours: b.engineVariant("ours, limited pool", pool), baselines: []*variant{plain}, goals: []goal{ratioGoal(unlimited, 0.9)}},
			{name: "mutex_keys", ours: b.engineVariant("ours, mutex keys", keys), baselines: []*variant{plain}, goals: []goal{ratioGoal(unlimited, 0.9)}},
		}
	},
}

// oldSnapshot is an analyst's session that looks at the table as it was, until
// end is called.
func oldSnapshot(ctx context.Context, url string) (end func() error, err error) {
	return hold(ctx, url, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "SELECT FROM pg_class LIMIT 1")
}

// oldWriter is a producer that does not come to its end.
func oldWriter(ctx context.Context, url string) (end func() error, err error) {
	return hold(ctx, url, "BEGIN", "INSERT INTO tagexec.tag_batches (batch) VALUES ('of an old transaction')")
}

// analysts are an old snapshot, and four sessions that ask the history for one
// thing after the other as long as they may.
func analysts(ctx context.Context, url string) (end func() error, err error) {
	release, err := oldSnapshot(ctx, url)
	if err != nil {
		return nil, err
	}
	asking, stop := context.WithCancel(ctx)
	var sessions errgroup.Group
	for range 4 {
		sessions.Go(func() error {
			conn, err := connect(asking, url, nil)
			if err != nil {
				return err
			}
			defer conn.Close(context.WithoutCancel(ctx))
			for asking.Err() == nil {
				for _, view := range []string{"tag_daily", "failure_reasons", "batches", "tag_freshness"} {
					if _, err := conn.Exec(asking, "SELECT * FROM tagreport."+view); err != nil && asking.Err() == nil {
						return fmt.Errorf("ask the history: %w", err)
					}
				}
			}
			return nil
		})
	}
	return func() error {
		stop()
		return errors.Join(sessions.Wait(), release())
	}, nil
}

func hold(ctx context.Context, url string, statements ...string) (end func() error, err error) {
	conn, err := connect(ctx, url, nil)
	if err != nil {
		return nil, err
	}
	end = func() error { return conn.Close(context.WithoutCancel(ctx)) }
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return nil, errors.Join(fmt.Errorf("hold vacuum back: %w", err), end())
		}
	}
	return end, nil
}
