package store_test

import (
	"encoding/json"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// Under an old snapshot the index keeps what a key ran before. A claim that walked
// over that would look at some 80 pages for each job.
func TestClaimKeyedUnderAnOldSnapshotLooksBehindWhatRan(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("ALTER TABLE tagexec.tag_jobs SET (autovacuum_enabled = false)")
	const keys, ran = 100, 40
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, mutex_key) SELECT 't', 'k' || i % $1::int FROM generate_series(1, $2::int) i", keys, keys*(ran+1))
	old, err := db.Conn().BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.Exec(t.Context(), "SELECT"); err != nil {
		t.Fatal(err)
	}
	c := db.Claimer(store.Executor{})
	for range ran * keys / 50 {
		c.End(t, store.Succeeded, c.MustClaim(t, 50)...)
	}
	tx, err := db.Conn().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "SET LOCAL enable_seqscan = off"); err != nil {
		t.Fatal(err)
	}
	var text []byte
	if err := tx.QueryRow(t.Context(), "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "+store.TakeKnownKeysSQL, store.KnownKeys(c.Session, "default", 50)).Scan(&text); err != nil {
		t.Fatal(err)
	}
	var explained []struct {
		Plan struct {
			Plans []struct {
				Kind  string `json:"Parent Relationship"`
				Pages int    `json:"Shared Hit Blocks"`
				Rows  int    `json:"Actual Rows"`
			}
		}
	}
	if err := json.Unmarshal(text, &explained); err != nil {
		t.Fatal(err)
	}
	found := false
	for _, p := range explained[0].Plan.Plans {
		if p.Kind == "InitPlan" && p.Rows == 50 {
			found = true
			if p.Pages > 50*20 {
				t.Errorf("it looked at %d pages to find 50 jobs:\n%s", p.Pages, text)
			}
		}
	}
	if !found {
		t.Errorf("found no 50 jobs:\n%s", text)
	}
}

// Whatever ran before, the first job of a key goes first.
func TestClaimKeyedOfKnownKeysTakesTheFirstOfAKey(t *testing.T) {
	t.Parallel()
	ranBefore := func(t *testing.T) (*storetest.DB, *storetest.Claimer) {
		db := storetest.New(t)
		db.Exec("INSERT INTO tagexec.tag_jobs (tag, mutex_key) SELECT 't', k FROM generate_series(1, 30), unnest('{a,b}'::text[]) k")
		c := db.Claimer(store.Executor{})
		for range 20 {
			c.End(t, store.Succeeded, c.MustClaim(t, 2)...)
		}
		return db, c
	}
	t.Run("a job of a higher priority", func(t *testing.T) {
		t.Parallel()
		db, c := ranBefore(t)
		first := db.Insert(storetest.Row{"mutex_key": "a", "priority": 9, "run_at": "2000-01-01"})[0]
		if got := c.MustClaim(t, 2); len(got) != 2 || got[0].ID != first {
			t.Errorf("claimed %v, want job %d and another", ids(got), first)
		}
	})
	t.Run("a job whose priority was raised", func(t *testing.T) {
		t.Parallel()
		db, c := ranBefore(t)
		last := storetest.One[int64](db, "SELECT max(id) FROM tagexec.tag_jobs WHERE mutex_key = 'b'")
		db.Exec("UPDATE tagexec.tag_jobs SET priority = 6 WHERE id = $1", last)
		if got := c.MustClaim(t, 2); len(got) != 2 || got[0].ID != last {
			t.Errorf("claimed %v, want job %d and another", ids(got), last)
		}
	})
	t.Run("a job of a lower priority, when no other is left", func(t *testing.T) {
		t.Parallel()
		db, c := ranBefore(t)
		last := db.Insert(storetest.Row{"mutex_key": "a", "priority": 1, "run_at": "2000-01-01"})[0]
		for range 10 {
			if got := c.MustClaim(t, 2); len(got) != 2 || got[0].ID == last || got[1].ID == last {
				t.Fatalf("claimed %v, want two others than %d", ids(got), last)
			} else {
				c.End(t, store.Succeeded, got...)
			}
		}
		if got := c.MustClaim(t, 2); len(got) != 1 || got[0].ID != last {
			t.Errorf("claimed %v, want job %d", ids(got), last)
		}
	})
	t.Run("an older job, after a scan", func(t *testing.T) {
		t.Parallel()
		db, c := ranBefore(t)
		db.Exec("INSERT INTO tagexec.tag_jobs (tag, mutex_key) SELECT 't', k FROM generate_series(1, 5000), unnest('{a,b}'::text[]) k")
		older := db.Insert(storetest.Row{"mutex_key": "a", "run_at": "2000-01-01"})[0]
		storetest.Eventually(t, "the older job is claimed", func() bool {
			jobs := c.MustClaim(t, 2)
			c.End(t, store.Succeeded, jobs...)
			return len(jobs) > 0 && jobs[0].ID == older
		})
	})
	t.Run("of a new key, after a scan", func(t *testing.T) {
		t.Parallel()
		db, c := ranBefore(t)
		db.Exec("INSERT INTO tagexec.tag_jobs (tag, mutex_key) SELECT 't', k FROM generate_series(1, 5000), unnest('{a,b}'::text[]) k")
		other := db.Insert(storetest.Row{"mutex_key": "aa"})[0]
		storetest.Eventually(t, "the job of the new key is claimed", func() bool {
			jobs := c.MustClaim(t, 1)
			c.End(t, store.Succeeded, jobs...)
			return len(jobs) > 0 && jobs[0].ID == other
		})
	})
}
