package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// What operators do to a job or a batch that the database picks.
var operatorActions = map[string]string{
	"cancel_job":   "SELECT tagexec.cancel_job(id, 'chaos') FROM (SELECT id FROM tagexec.tag_jobs WHERE state IN ('pending', 'running') ORDER BY random() LIMIT 1) j",
	"retry_job":    "SELECT tagexec.retry_job(id) FROM (SELECT id FROM tagexec.tag_jobs WHERE state IN ('failed', 'cancelled') OR cancel_requested_at IS NOT NULL ORDER BY random() LIMIT 1) j",
	"cancel_batch": "SELECT tagexec.cancel_batch(batch, 'chaos') FROM (SELECT batch FROM tagexec.tag_batches ORDER BY created_at DESC LIMIT 1) b",
	"retry_batch":  "SELECT tagexec.retry_batch(batch) FROM (SELECT batch FROM tagexec.tag_batches ORDER BY random() LIMIT 1) b",
}

// operate resizes and pauses pools, and cancels and retries, until ctx ends.
func (a *arena) operate(ctx context.Context, random *rand.Rand) {
	limited := []string{"narrow", "wide"}
	for ctx.Err() == nil {
		pool := limited[random.IntN(len(limited))]
		switch n := random.IntN(20); {
		case n < 6:
			size := newSize(random, slots[pool])
			a.operator("resize", insist(ctx, func() error { return a.resize(ctx, pool, size) }))
		case n < 8:
			a.operator("pause", a.pausePool(ctx, pool, true))
			pause(ctx, between(random, 200*time.Millisecond, 2*time.Second))
			a.operator("resume", insist(ctx, func() error { return a.pausePool(ctx, pool, false) }))
		case n < 12:
			a.act(ctx, "cancel_job")
		case n < 17:
			a.act(ctx, "retry_job")
		case n < 18:
			a.act(ctx, "cancel_batch")
		default:
			a.act(ctx, "retry_batch")
		}
		pause(ctx, between(random, 100*time.Millisecond, 700*time.Millisecond))
	}
}

// newSize is seldom too small for jobs that wait already: inserts of such jobs
// are refused meanwhile.
func newSize(random *rand.Rand, most int) int {
	if random.IntN(6) == 0 {
		return 1
	}
	return most/2 + random.IntN(most-most/2+1)
}

func (a *arena) act(ctx context.Context, name string) {
	_, err := a.db.Exec(ctx, operatorActions[name])
	a.operator(name, err)
}

// operator notes an error that no fault explains.
func (a *arena) operator(action string, err error) {
	if err != nil && !passing(err) {
		a.findings.add("operator_error", "%s: %v", action, err)
	}
}

// resize changes a pool. A claim that began before the change was committed may
// count by the old size, so while it shrinks the pool is not judged, and from
// then on by the time after the commit.
func (a *arena) resize(ctx context.Context, pool string, to int) error {
	const set = `
		UPDATE tagexec.tag_pools
		   SET slots = $2, description = CASE WHEN $2 < slots THEN 'infinity' ELSE description END
		 WHERE pool = $1`
	if _, err := a.db.Exec(ctx, set, pool, to); err != nil {
		return err
	}
	_, err := a.db.Exec(ctx, "UPDATE tagexec.tag_pools SET description = clock_timestamp()::text WHERE pool = $1 AND description = 'infinity'", pool)
	return err
}

func (a *arena) pausePool(ctx context.Context, pool string, paused bool) error {
	_, err := a.db.Exec(ctx, "UPDATE tagexec.tag_pools SET paused = $2 WHERE pool = $1", pool, paused)
	return err
}

// restorePools gives every pool its size back.
func (a *arena) restorePools(ctx context.Context) error {
	for pool, n := range slots {
		err := insist(ctx, func() error {
			if err := a.pausePool(ctx, pool, false); err != nil {
				return err
			}
			return a.resize(ctx, pool, n)
		})
		if err != nil {
			return fmt.Errorf("restore pool %s: %w", pool, err)
		}
	}
	return nil
}

// insist repeats what a fault made fail.
func insist(ctx context.Context, do func() error) error {
	for {
		err := do()
		if err == nil || ctx.Err() != nil || !passing(err) {
			return err
		}
		pause(ctx, reportEvery)
	}
}
