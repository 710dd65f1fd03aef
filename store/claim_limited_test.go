package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// compete lets four executors claim up to most at a time and end what they
// hold in random order until total jobs are done, while the invariants are
// looked at without pause.
func compete(t *testing.T, db *storetest.DB, total, most int) {
	t.Helper()
	sampled, stop := context.WithCancel(t.Context())
	defer stop()
	var sampler, workers errgroup.Group
	sampler.Go(func() error {
		for sampled.Err() == nil {
			list, err := store.Violations(t.Context(), db.Pool)
			if err != nil {
				return err
			}
			if len(list) > 0 {
				return fmt.Errorf("%v", list)
			}
		}
		return nil
	})
	deadline := time.Now().Add(30 * time.Second)
	for range 4 {
		c := newClaimer(db, store.QueueConfig{})
		workers.Go(func() error {
			var held []store.Job
			for {
				jobs, err := c.Claim(t.Context(), c.id, 1+rand.IntN(most))
				if err != nil {
					return err
				}
				held = append(held, jobs...)
				rand.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
				var results []store.Result
				for _, j := range held[:(len(held)+1)/2] {
					results = append(results, store.Result{Claim: j.Claim, Outcome: store.Succeeded})
				}
				fates, err := c.Record(t.Context(), "host", results)
				if err != nil {
					return err
				}
				kept := held[len(results):]
				for i, fate := range fates {
					switch fate {
					case store.Applied:
					case store.Locked:
						kept = append(kept, held[i])
					default:
						return fmt.Errorf("fate %s", fate)
					}
				}
				held = kept
				if len(held) == 0 {
					var left int
					err := db.Pool.QueryRow(t.Context(), "SELECT count(*) FROM tagexec.tag_jobs WHERE state = 'pending'").Scan(&left)
					if err != nil || left == 0 {
						return err
					}
				}
				if time.Now().After(deadline) {
					return fmt.Errorf("not done in time: executor %s holds %d", c.id, len(held))
				}
			}
		})
	}
	if err := workers.Wait(); err != nil {
		t.Error(err)
	}
	stop()
	if err := sampler.Wait(); err != nil {
		t.Error(err)
	}
	if n := storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_jobs WHERE state = 'succeeded' AND attempt = 1"); n != total {
		t.Errorf("%d of %d jobs succeeded at the first attempt", n, total)
	}
}

func TestFourClaimersNeverExceedThePools(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 7), ('q', 3), ('r', NULL)")
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, pool, slots, priority, mutex_key)
		SELECT 't', (ARRAY['p', 'q', 'r'])[1 + i % 3], 1 + i % 3, i % 4, CASE WHEN i % 5 = 0 THEN 'k' || i % 40 END
		  FROM generate_series(1, 1200) i`)
	compete(t, db, 1200, 6)
}

func TestALimitedPoolIsFilledInOrder(t *testing.T) {
	t.Parallel()
	for _, batch := range []string{"", "b"} {
		t.Run(fmt.Sprintf("batch %q", batch), func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 5)")
			db.Exec(`INSERT INTO tagexec.tag_jobs (tag, pool, slots, priority, batch, mutex_key) VALUES
				('d', 'p', 1, 1, 'b', NULL), ('b', 'p', 4, 5, 'b', NULL), ('a', 'p', 1, 9, 'b', 'k1'), ('c', 'p', 2, 5, 'b', 'k2'), ('e', 'p', 1, 0, 'b', NULL)`)
			c := newClaimer(db, store.QueueConfig{Batch: batch})
			first := c.claim(t, 10)
			if tags(first) != "[a b]" {
				t.Fatalf("claimed %s", tags(first))
			}
			c.end(t, store.Succeeded, first[0])
			// One slot is free; c wants two and is next: nothing behind it overtakes.
			if got := c.claim(t, 10); len(got) != 0 {
				t.Errorf("overtaking: %s", tags(got))
			}
			c.end(t, store.Succeeded, first[1])
			if got := tags(c.claim(t, 10)); got != "[c d e]" {
				t.Errorf("then claimed %s", got)
			}
		})
	}
}

func TestAWideJobIsNotStarvedByNarrowOnes(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 4)")
	c := newClaimer(db, store.QueueConfig{})
	narrow := func(n int) {
		db.Exec("INSERT INTO tagexec.tag_jobs (tag, pool) SELECT 'narrow', 'p' FROM generate_series(1, $1::int)", n)
	}
	narrow(4)
	running := c.claim(t, 10)
	wide := db.Insert(storetest.Row{"tag": "wide", "pool": "p", "slots": 4})[0]
	for range 4 {
		narrow(2)
		c.end(t, store.Succeeded, running[0])
		running = append(running[1:], c.claim(t, 10)...)
	}
	if tags(running) != "[wide]" || running[0].ID != wide {
		t.Errorf("after all narrow ones ended, %s runs", tags(running))
	}
}

func TestAJobThatCannotRunReservesNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		row  storetest.Row
	}{
		{"wider than the pool now is", storetest.Row{"slots": 9}},
		{"of a kind nobody here runs", storetest.Row{"kind": "http", "slots": 4}},
		{"with a busy key", storetest.Row{"mutex_key": "busy", "slots": 4}},
		{"not due", storetest.Row{"run_at": "2200-01-01", "slots": 4}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 10)")
			c := newClaimer(db, store.QueueConfig{Kinds: []string{"sql"}})
			db.Insert(storetest.Row{"mutex_key": "busy"})
			c.claim(t, 1)
			tt.row["pool"], tt.row["priority"] = "p", 9
			db.Insert(tt.row, storetest.Row{"tag": "narrow", "pool": "p"})
			db.Exec("UPDATE tagexec.tag_pools SET slots = 4 WHERE pool = 'p'")
			var got []store.Job
			storetest.Eventually(t, "the narrow job runs", func() bool { got = c.claim(t, 5); return len(got) > 0 })
			if tags(got) != "[narrow]" {
				t.Errorf("claimed %s", tags(got))
			}
		})
	}
}

func TestAPoolMadeSmallerLetsTheRunningFinish(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 4)")
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, pool) SELECT 't', 'p' FROM generate_series(1, 6)")
	c := newClaimer(db, store.QueueConfig{})
	running := c.claim(t, 10)
	db.Exec("UPDATE tagexec.tag_pools SET slots = 1 WHERE pool = 'p'")
	for len(running) > 0 {
		if got := c.claim(t, 10); len(got) != 0 {
			t.Errorf("claimed %d beside %d running", len(got), len(running))
		}
		c.end(t, store.Succeeded, running[0])
		running = running[1:]
	}
	if got := c.claim(t, 10); len(got) != 1 {
		t.Errorf("claimed %d for one slot", len(got))
	}
}

func TestAPoolWithoutSlotsStartsNothing(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 4)")
	db.Insert(storetest.Row{"pool": "p"}, storetest.Row{"pool": "p", "mutex_key": "k"})
	db.Exec("UPDATE tagexec.tag_pools SET slots = 0 WHERE pool = 'p'")
	if got := newClaimer(db, store.QueueConfig{}).claim(t, 10); len(got) != 0 {
		t.Errorf("claimed %d", len(got))
	}
}
