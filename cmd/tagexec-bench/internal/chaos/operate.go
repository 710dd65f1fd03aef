package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/cmd/internal/wait"
)

// What operators do to a job or a batch that the database picks.
var operatorActions = map[string]string{
	"cancel_job":   "SELECT tagexec.cancel_job(id, 'chaos') FROM (SELECT id FROM tagexec.tag_jobs WHERE state IN ('pending', 'running') ORDER BY random() LIMIT 1) j",
	"retry_job":    "SELECT tagexec.retry_job(id) FROM (SELECT id FROM tagexec.tag_jobs WHERE state IN ('failed', 'cancelled') OR cancel_requested_at IS NOT NULL ORDER BY random() LIMIT 1) j",
	"cancel_batch": "SELECT tagexec.cancel_batch(batch, 'chaos') FROM (SELECT batch FROM tagexec.tag_batches ORDER BY created_at DESC LIMIT 1) b",
	"retry_batch":  "SELECT tagexec.retry_batch(batch) FROM (SELECT batch FROM tagexec.tag_batches ORDER BY random() LIMIT 1) b",
}

// operate resizes and pauses pools, and cancels and retries, until ctx ends.
func (b *testbed) operate(ctx context.Context, random *rand.Rand) {
	limited := []string{"narrow", "wide"}
	for ctx.Err() == nil {
		pool := limited[random.IntN(len(limited))]
		switch n := random.IntN(20); {
		case n < 6:
			size := newSize(random, slots[pool])
			b.operator("resize", insist(ctx, func() error { return b.resize(ctx, pool, size) }))
		case n < 8:
			b.operator("pause", b.pausePool(ctx, pool, true))
			wait.For(ctx, between(random, 200*time.Millisecond, 2*time.Second))
			b.operator("resume", insist(ctx, func() error { return b.pausePool(ctx, pool, false) }))
		case n < 12:
			b.act(ctx, "cancel_job")
		case n < 17:
			b.act(ctx, "retry_job")
		case n < 18:
			b.act(ctx, "cancel_batch")
		default:
			b.act(ctx, "retry_batch")
		}
		wait.For(ctx, between(random, 100*time.Millisecond, 700*time.Millisecond))
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

func (b *testbed) act(ctx context.Context, name string) {
	_, err := b.db.Exec(ctx, operatorActions[name])
	b.operator(name, err)
}

// operator notes an error that no fault explains.
func (b *testbed) operator(action string, err error) {
	if err != nil && !passing(err) {
		b.findings.add("operator_error", "%s: %v", action, err)
	}
}

// resize changes a pool. A claim that began before the change was committed may
// count by the old size, so while it shrinks the pool is not checked. Once the lock
// of such claims is ours they have ended: what runs then was there before.
func (b *testbed) resize(ctx context.Context, pool string, to int) error {
	const set = `
		UPDATE tagexec.tag_pools
		   SET slots = $2, description = CASE WHEN $2 < slots THEN 'shrinking' ELSE description END
		 WHERE pool = $1`
	if _, err := b.db.Exec(ctx, set, pool, to); err != nil {
		return err
	}
	const lock = "SELECT FROM tagexec.pool_locks WHERE slot = hashtext($1) & 4095 FOR UPDATE"
	const note = `
		UPDATE tagexec.tag_pools p
		   SET description = ARRAY(SELECT j.id || '/' || j.attempt FROM tagexec.tag_jobs j WHERE j.pool = p.pool AND j.state = 'running')::text
		 WHERE pool = $1 AND description = 'shrinking'`
	return pgx.BeginFunc(ctx, b.db, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, lock, pool)
		if err == nil {
			_, err = tx.Exec(ctx, note, pool)
		}
		return err
	})
}

func (b *testbed) pausePool(ctx context.Context, pool string, paused bool) error {
	_, err := b.db.Exec(ctx, "UPDATE tagexec.tag_pools SET paused = $2 WHERE pool = $1", pool, paused)
	return err
}

// restorePools gives every pool its size back.
func (b *testbed) restorePools(ctx context.Context) error {
	for pool, n := range slots {
		err := insist(ctx, func() error {
			if err := b.pausePool(ctx, pool, false); err != nil {
				return err
			}
			return b.resize(ctx, pool, n)
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
		wait.For(ctx, reportEvery)
	}
}
