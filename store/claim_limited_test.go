package store_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/doctor"
	"github.com/tagexec/tagexec/store/storetest"
)

// compete lets four executors claim up to most at a time and end what they
// hold in random order until total jobs are done, while the invariants are
// looked at without pause. The configurations go round.
func compete(t *testing.T, db *storetest.DB, total, most int, configs ...store.Executor) {
	t.Helper()
	sampled, stop := context.WithCancel(t.Context())
	defer stop()
	var sampler, workers errgroup.Group
	sampler.Go(func() error {
		for sampled.Err() == nil {
			list, err := doctor.Violations(t.Context(), db.Pool)
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
	for i := range 4 {
		var config store.Executor
		if len(configs) > 0 {
			config = configs[i%len(configs)]
		}
		c := db.Claimer(config)
		workers.Go(func() error {
			var held []store.Job
			for {
				jobs, err := c.ClaimAll(t.Context(), 1+rand.IntN(most))
				if err != nil {
					return err
				}
				held = append(held, jobs...)
				rand.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
				var results []store.Result
				for _, j := range held[:(len(held)+1)/2] {
					results = append(results, store.Result{Claim: j.Claim, Outcome: store.Succeeded})
				}
				fates, err := c.Record(t.Context(), results)
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
					return fmt.Errorf("not done in time: executor %s holds %d", c.ID, len(held))
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

func TestClaimLimitedByFourNeverExceedsThePools(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 7), ('q', 3), ('r', NULL)")
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, pool, slots, priority, mutex_key)
		SELECT 't', (ARRAY['p', 'q', 'r'])[1 + i % 3], 1 + i % 3, i % 4, CASE WHEN i % 5 = 0 THEN 'k' || i % 40 END
		  FROM generate_series(1, 1200) i`)
	compete(t, db, 1200, 6)
}

func TestClaimLimitedFillsAPoolInOrder(t *testing.T) {
	t.Parallel()
	for _, batch := range []string{"", "b"} {
		t.Run(fmt.Sprintf("batch %q", batch), func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 5)")
			db.Exec(`INSERT INTO tagexec.tag_jobs (tag, pool, slots, priority, batch, mutex_key) VALUES
				('d', 'p', 1, 1, 'b', NULL), ('b', 'p', 4, 5, 'b', NULL), ('a', 'p', 1, 9, 'b', 'k1'), ('c', 'p', 2, 5, 'b', 'k2'), ('e', 'p', 1, 0, 'b', NULL)`)
			c := db.Claimer(store.Executor{Batch: batch})
			first := c.MustClaim(t, 10)
			if tags(first) != "[a b]" {
				t.Fatalf("claimed %s", tags(first))
			}
			c.End(t, store.Succeeded, first[0])
			// One slot is free; c wants two and is next: nothing behind it overtakes.
			if got := c.MustClaim(t, 10); len(got) != 0 {
				t.Errorf("overtaking: %s", tags(got))
			}
			c.End(t, store.Succeeded, first[1])
			if got := tags(c.MustClaim(t, 10)); got != "[c d e]" {
				t.Errorf("then claimed %s", got)
			}
		})
	}
}

func TestClaimLimitedDoesNotStarveAWideJob(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 4)")
	c := db.Claimer(store.Executor{})
	narrow := func(n int) {
		db.Exec("INSERT INTO tagexec.tag_jobs (tag, pool) SELECT 'narrow', 'p' FROM generate_series(1, $1::int)", n)
	}
	narrow(4)
	running := c.MustClaim(t, 10)
	wide := db.Insert(storetest.Row{"tag": "wide", "pool": "p", "slots": 4})[0]
	for range 4 {
		narrow(2)
		c.End(t, store.Succeeded, running[0])
		running = append(running[1:], c.MustClaim(t, 10)...)
	}
	if tags(running) != "[wide]" || running[0].ID != wide {
		t.Errorf("after all narrow ones ended, %s runs", tags(running))
	}
}

// What else there is to claim it with does not matter: of all that wait in the
// pool the wide job is the first, and another executor is there to run it.
func TestClaimLimitedDoesNotOvertakeAWideJobOfAnotherExecutor(t *testing.T) {
	t.Parallel()
	onlySQL := store.Executor{Kinds: []string{"sql"}}
	for _, tt := range []struct {
		name          string
		wide          storetest.Row
		config, other store.Executor
	}{
		{"of another batch, by a one-shot run", storetest.Row{"batch": "b"}, store.Executor{Batch: "a"}, store.Executor{}},
		{"of another batch, by a one-shot run beside its own", storetest.Row{"batch": "b"}, store.Executor{Batch: "a"}, store.Executor{Batch: "b"}},
		{"of no batch, by a one-shot run", storetest.Row{}, store.Executor{Batch: "a"}, store.Executor{}},
		{"of another kind", storetest.Row{"kind": "http"}, onlySQL, store.Executor{}},
		{"of another kind, by a one-shot run", storetest.Row{"kind": "http", "batch": "a"}, store.Executor{Batch: "a", Kinds: onlySQL.Kinds}, store.Executor{}},
		{"of another kind, with a key", storetest.Row{"kind": "http", "mutex_key": "k"}, onlySQL, store.Executor{}},
		{"of another kind, with a key that others share", storetest.Row{"kind": "http", "mutex_key": "shared"}, onlySQL, store.Executor{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 4)")
			first := db.Claimer(store.Executor{Batch: "before"})
			db.Exec("INSERT INTO tagexec.tag_jobs (tag, pool, batch) SELECT 'before', 'p', 'before' FROM generate_series(1, 4)")
			running := first.MustClaim(t, 4)
			tt.wide["tag"], tt.wide["pool"], tt.wide["slots"] = "wide", "p", 4
			db.Insert(tt.wide)
			db.Exec("INSERT INTO tagexec.tag_jobs (tag, pool, batch) SELECT 'narrow', 'p', 'a' FROM generate_series(1, 9)")
			db.Insert(storetest.Row{"tag": "narrow", "pool": "p", "batch": "a", "mutex_key": "shared"})
			c, other := db.Claimer(tt.config), db.Claimer(tt.other)
			for _, j := range running {
				if got := c.MustClaim(t, 5); len(got) != 0 {
					t.Fatalf("overtaking: %s", tags(got))
				}
				first.End(t, store.Succeeded, j)
			}
			if got := c.MustClaim(t, 5); len(got) != 0 {
				t.Fatalf("overtaking when it fits: %s", tags(got))
			}
			wide := other.MustClaim(t, 1)
			if tags(wide) != "[wide]" {
				t.Fatalf("the other claimed %s", tags(wide))
			}
			other.End(t, store.Succeeded, wide[0])
			if got := c.MustClaim(t, 5); len(got) != 4 {
				t.Errorf("then claimed %s", tags(got))
			}
		})
	}
}

// The executor that ends a job claims at once, so without a reservation a full
// pool would always be taken by the one that has it.
func TestClaimLimitedStarvesNoKindInAFullPool(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 3)")
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, pool) SELECT 'mine', 'p' FROM generate_series(1, 100000)")
	c, other := db.Claimer(store.Executor{Kinds: []string{"sql"}}), db.Claimer(store.Executor{Kinds: []string{"http"}})
	running := c.MustClaim(t, 5)
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, kind, pool, priority) SELECT 'theirs', 'http', 'p', 9 FROM generate_series(1, 5)")
	for i := range 5 {
		storetest.Eventually(t, fmt.Sprintf("turn %d of the other kind", i), func() bool {
			c.End(t, store.Succeeded, running[0])
			running = append(running[1:], c.MustClaim(t, 5)...)
			theirs := other.MustClaim(t, 5)
			other.End(t, store.Succeeded, theirs...)
			return len(theirs) == 1
		})
	}
}

// One job reserves, so that those of an executor that is busy keep no more idle
// than it needs.
func TestClaimLimitedReservesForOneJobOfOthersOnly(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 5)")
	db.Claimer(store.Executor{Kinds: []string{"http"}})
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, kind, pool, slots) SELECT 'theirs', 'http', 'p', 2 FROM generate_series(1, 9)")
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, pool) SELECT 'mine', 'p' FROM generate_series(1, 9)")
	if got := tags(db.Claimer(store.Executor{Kinds: []string{"sql"}}).MustClaim(t, 9)); got != "[mine mine mine]" {
		t.Errorf("claimed %s of the three slots that nobody reserved", got)
	}
}

// A claim sees 500 keys; a wide job on a later one is overtaken by nobody who
// has looked since it waits.
func TestClaimLimitedDoesNotOvertakeAWideJobAmongManyKeys(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 4)")
	first := db.Claimer(store.Executor{})
	db.Insert(storetest.Row{"pool": "p"})
	running := first.MustClaim(t, 1)
	db.Insert(storetest.Row{"tag": "wide", "pool": "p", "slots": 4, "mutex_key": "z"})
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, pool, mutex_key) SELECT 'narrow', 'p', 'k' || i FROM generate_series(1, 2000) i")
	c, other := db.Claimer(store.Executor{}), db.Claimer(store.Executor{})
	for range 6 {
		if got := append(c.MustClaim(t, 5), other.MustClaim(t, 5)...); len(got) != 0 {
			t.Fatalf("overtaking: %s", tags(got))
		}
	}
	first.End(t, store.Succeeded, running...)
	if got := c.MustClaim(t, 5); tags(got) != "[wide]" {
		t.Fatalf("claimed %s when it fits", tags(got))
	}
}

// The job that reserves is a hint: its key may have come to another head since.
func TestClaimLimitedIsNotHeldUpByAReservationWhoseKeyHasANewHead(t *testing.T) {
	for _, batch := range []string{"", "b"} {
		t.Run("batch="+batch, func(t *testing.T) {
			db := storetest.New(t)
			db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 10)")
			holder := db.Claimer(store.Executor{})
			db.Exec("INSERT INTO tagexec.tag_jobs (tag, pool, slots, batch) VALUES ('first', 'p', 10, 'b')")
			first := holder.MustClaim(t, 1)
			db.Exec("INSERT INTO tagexec.tag_jobs (tag, pool, mutex_key, batch) VALUES ('old head', 'p', 'k', 'b')")
			db.Exec("INSERT INTO tagexec.tag_jobs (tag, pool, priority, batch) SELECT 'plain', 'p', 3, 'b' FROM generate_series(1, 5)")
			c := db.Claimer(store.Executor{Batch: batch})
			if got := c.MustClaim(t, 20); len(got) != 0 { // it sees that the old head reserves
				t.Fatalf("claimed %s from a full pool", tags(got))
			}
			db.Exec("INSERT INTO tagexec.tag_jobs (tag, pool, mutex_key, priority, batch) VALUES ('new head', 'p', 'k', 9, 'b')")
			holder.End(t, store.Succeeded, first...)
			if got := c.MustClaim(t, 20); len(got) != 6 || got[0].Tag != "new head" {
				t.Errorf("claimed %s of 10 free slots, want the new head and all that has no key", tags(got))
			}
		})
	}
}

// What comes to wait after the last look is seen by the next one.
func TestClaimLimitedSeesAWideJobThatComesLaterAtTheNextScan(t *testing.T) {
	t.Parallel()
	for name, wide := range map[string]storetest.Row{"a later key": {"mutex_key": "z"}, "another kind": {"kind": "http"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 4)")
			db.Exec("INSERT INTO tagexec.tag_jobs (tag, pool, mutex_key) SELECT 'narrow', 'p', 'k' || i FROM generate_series(1, 20000) i")
			other, c := db.Claimer(store.Executor{}), db.Claimer(store.Executor{Kinds: []string{"sql"}})
			running := c.MustClaim(t, 4)
			wide["tag"], wide["pool"], wide["slots"], wide["priority"] = "wide", "p", 4, 9
			id := db.Insert(wide)[0]
			storetest.Eventually(t, "the narrow ones are held up", func() bool {
				if len(running) > 0 {
					c.End(t, store.Succeeded, running[0])
					running = running[1:]
				}
				running = append(running, c.MustClaim(t, 4)...)
				return len(running) == 0 || running[0].ID == id
			})
			if len(running) == 0 && tags(other.MustClaim(t, 4)) != "[wide]" {
				t.Error("the wide job was not claimed")
			}
		})
	}
}

func TestClaimLimitedByDifferentKindsAndBatchesEmptiesThePools(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 5), ('q', 3)")
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, kind, pool, slots, priority, mutex_key, batch)
		SELECT 't', (ARRAY['sql', 'http', 'command'])[1 + i % 3], (ARRAY['p', 'q'])[1 + i % 2], 1 + i % 3, i % 4, CASE WHEN i % 5 = 0 THEN 'k' || i % 40 END, CASE WHEN i % 3 = 0 THEN 'b' END
		  FROM generate_series(1, 300) i`)
	compete(t, db, 300, 6, store.Executor{Kinds: []string{"sql"}}, store.Executor{Kinds: []string{"http"}}, store.Executor{Batch: "b"}, store.Executor{Kinds: []string{"command", "http"}, Pools: []string{"p", "q"}})
}

func TestClaimLimitedReservesNothingForAJobThatCannotRun(t *testing.T) {
	t.Parallel()
	foreign := func(more storetest.Row) storetest.Row {
		row := storetest.Row{"kind": "http", "slots": 4}
		maps.Copy(row, more)
		return row
	}
	for _, tt := range []struct {
		name  string
		row   storetest.Row
		other store.Executor // of another executor
		also  string         // SQL about it
	}{
		{"wider than the pool now is", storetest.Row{"slots": 9}, store.Executor{}, ""},
		{"of a kind nobody runs", storetest.Row{"kind": "http", "slots": 4}, store.Executor{Kinds: []string{"sql"}}, ""},
		{"with a busy key", storetest.Row{"mutex_key": "busy", "slots": 4}, store.Executor{}, ""},
		{"not due", storetest.Row{"run_at": "2200-01-01", "slots": 4}, store.Executor{}, ""},
		{"a suspect", foreign(nil), store.Executor{}, "UPDATE tagexec.tag_jobs SET crashes = 2 WHERE slots = 4"},
		{"another's, wider than the pool now is", foreign(storetest.Row{"slots": 9}), store.Executor{}, ""},
		{"another's, with a busy key", foreign(storetest.Row{"mutex_key": "busy"}), store.Executor{}, ""},
		{"another's, not due", foreign(storetest.Row{"run_at": "2200-01-01"}), store.Executor{}, ""},
		{"another's, who serves another pool", foreign(nil), store.Executor{Pools: []string{"default"}}, ""},
		{"another's, with a key, who serves another pool", foreign(storetest.Row{"mutex_key": "k"}), store.Executor{Pools: []string{"default"}}, ""},
		{"another's, who runs another batch", foreign(storetest.Row{"batch": "b"}), store.Executor{Batch: "a"}, ""},
		{"another's, without a batch, who runs one batch", foreign(nil), store.Executor{Batch: "a"}, ""},
		{"another's, whose lease is over", foreign(nil), store.Executor{Kinds: []string{"http"}}, "UPDATE tagexec.tag_executors SET heartbeat_at = now() - interval '31 s' WHERE kinds = '{http}'"},
		{"another's, who stopped", foreign(nil), store.Executor{Kinds: []string{"http"}}, "UPDATE tagexec.tag_executors SET stopped_at = now() WHERE kinds = '{http}'"},
		{"another's, who was reaped", foreign(nil), store.Executor{Kinds: []string{"http"}}, "UPDATE tagexec.tag_executors SET reaped_at = now() WHERE kinds = '{http}'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 10)")
			db.Claimer(tt.other)
			db.Insert(storetest.Row{"mutex_key": "busy"})
			db.Claimer(store.Executor{Kinds: []string{"sql"}}).MustClaim(t, 1)
			tt.row["pool"], tt.row["priority"] = "p", 9
			db.Insert(tt.row, storetest.Row{"tag": "narrow", "pool": "p"})
			db.Exec("UPDATE tagexec.tag_pools SET slots = 4 WHERE pool = 'p'")
			if tt.also != "" {
				db.Exec(tt.also)
			}
			if got := tags(db.Claimer(store.Executor{Kinds: []string{"sql"}}).MustClaim(t, 5)); got != "[narrow]" {
				t.Errorf("claimed %s", got)
			}
		})
	}
}

func TestClaimLimitedLetsTheRunningFinishInAPoolMadeSmaller(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 4)")
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, pool) SELECT 't', 'p' FROM generate_series(1, 6)")
	c := db.Claimer(store.Executor{})
	running := c.MustClaim(t, 10)
	db.Exec("UPDATE tagexec.tag_pools SET slots = 1 WHERE pool = 'p'")
	for len(running) > 0 {
		if got := c.MustClaim(t, 10); len(got) != 0 {
			t.Errorf("claimed %d beside %d running", len(got), len(running))
		}
		c.End(t, store.Succeeded, running[0])
		running = running[1:]
	}
	if got := c.MustClaim(t, 10); len(got) != 1 {
		t.Errorf("claimed %d for one slot", len(got))
	}
}

func TestClaimLimitedStartsNothingInAPoolWithoutSlots(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 4)")
	db.Insert(storetest.Row{"pool": "p"}, storetest.Row{"pool": "p", "mutex_key": "k"})
	db.Exec("UPDATE tagexec.tag_pools SET slots = 0 WHERE pool = 'p'")
	if got := db.Claimer(store.Executor{}).MustClaim(t, 10); len(got) != 0 {
		t.Errorf("claimed %d", len(got))
	}
}
