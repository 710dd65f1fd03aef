package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// An executor that relied on the time of its last count would not see what was
// claimed since, and would claim over the limit.
func TestClaimRoomSeesEveryRunningJobAfterTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	for _, back := range []time.Duration{200 * time.Millisecond, time.Hour} {
		for running := range 2 {
			for free := range 2 {
				t.Run(fmt.Sprintf("by %s while %d run and %d are free", back, running, free), func(t *testing.T) {
					t.Parallel()
					db := storetest.New(t)
					db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 4)")
					db.Exec("INSERT INTO tagexec.tag_jobs (tag, pool) SELECT 't', 'p' FROM generate_series(1, 99)")
					c, other := db.Claimer(store.Executor{}), db.Claimer(store.Executor{})
					c.End(t, store.Succeeded, c.MustClaim(t, 2)[running:]...)
					store.ServerClockWasSetBack(c.Session, back)
					db.Exec("UPDATE tagexec.tag_jobs SET started_at = started_at + $1 WHERE state = 'running'", back)
					began := time.Now()
					if got := other.MustClaim(t, 4-running-free); len(got) != 4-running-free {
						t.Fatalf("the other claimed %s", tags(got))
					}
					if back < time.Minute { // then nothing is seen of it
						storetest.Eventually(t, "the clock catches up", func() bool { return time.Since(began) > back })
					}
					used := 4 - free
					for range 9 {
						used += len(c.MustClaim(t, 1)) + len(other.MustClaim(t, 1))
					}
					if used != 4 {
						t.Errorf("%d of 4 slots are used", used)
					}
				})
			}
		}
	}
}

// A claim from a pool without a limit takes no lock: when the pool gets its limit
// meanwhile, it comes to light after others have counted.
func TestClaimRoomCountsAClaimInFlightWhileItsPoolGetsALimit(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"never limited before", "limited before"} {
		t.Run(before, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Exec("INSERT INTO tagexec.tag_pools (pool) VALUES ('p')")
			db.Exec("INSERT INTO tagexec.tag_jobs (tag, pool) SELECT 't', 'p' FROM generate_series(1, 9)")
			c, other := db.Claimer(store.Executor{}), db.Claimer(store.Executor{})
			if before == "limited before" {
				db.Exec("UPDATE tagexec.tag_pools SET slots = 2 WHERE pool = 'p'")
				c.End(t, store.Succeeded, c.MustClaim(t, 1)...)
				db.Exec("UPDATE tagexec.tag_pools SET slots = NULL WHERE pool = 'p'")
			}
			err := pgx.BeginFunc(t.Context(), db.Pool, func(slow pgx.Tx) error {
				if _, err := slow.Exec(t.Context(), `UPDATE tagexec.tag_jobs
					SET state = 'running', attempt = attempt + 1, executor_id = $1, started_at = statement_timestamp(), deadline_at = now() + interval '1 h'
					WHERE id IN (SELECT id FROM tagexec.tag_jobs WHERE state = 'pending' ORDER BY id LIMIT 2)`, other.ID); err != nil {
					return err
				}
				db.Exec("UPDATE tagexec.tag_pools SET slots = 2 WHERE pool = 'p'")
				for range 3 { // the last count lies as near as can be
					c.End(t, store.Succeeded, c.MustClaim(t, 1)...)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if got := c.MustClaim(t, 2); len(got) != 0 {
					t.Fatalf("claimed %s from a full pool", tags(got))
				}
			}
		})
	}
}
