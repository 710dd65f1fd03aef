package store_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestClaimKeyedByFourNeverRunsAKeyTwice(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		keys int
	}{{"one key", 1}, {"few keys", 5}, {"many keys", 100}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			total := 150 * min(tt.keys, 4)
			db.Exec("INSERT INTO tagexec.tag_jobs (tag, mutex_key) SELECT 't', 'k' || i % $1::int FROM generate_series(1, $2::int) i", tt.keys, total)
			compete(t, db, total, 5)
		})
	}
}

func TestClaimKeyedGoesByPriorityWithinAKeyAndRoundBetweenKeys(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, mutex_key, priority)
		SELECT k || i, k, i FROM unnest('{a,b,c}'::text[]) k, generate_series(1, 3) i`)
	c := db.Claimer(store.Executor{})
	if got := tags(drain(t, c, 1)); got != "[a3 b3 c3 a2 b2 c2 a1 b1 c1]" {
		t.Errorf("claimed %s", got)
	}
}

// Whatever lies at the first keys, the later ones have their turn.
// After pg-boss's "should process available group jobs when saturated group dominates the front of the queue".
func TestClaimKeyedPassesOverKeysThatCannotRun(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		insert string // jobs with keys before "z"
	}{
		{"100,000 jobs on one key", "SELECT 't', 'a', now(), 'sql' FROM generate_series(1, 100000)"},
		{"20 keys that run", "SELECT 't', 'a' || i % 20, now(), 'sql' FROM generate_series(1, 40) i"},
		{"3,000 keys that are not due", "SELECT 't', 'a' || i, now() + interval '1 h', 'sql' FROM generate_series(1, 3000) i"},
		{"3,000 keys of a kind nobody runs", "SELECT 't', 'a' || i, now(), 'http' FROM generate_series(1, 3000) i"},
	} {
		for _, slots := range []string{"NULL", "30"} {
			t.Run(tt.name+", slots "+slots, func(t *testing.T) {
				t.Parallel()
				db := storetest.New(t)
				db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', " + slots + ")")
				db.Exec("INSERT INTO tagexec.tag_jobs (tag, mutex_key, run_at, kind, pool) SELECT j.*, 'p' FROM (" + tt.insert + ") j")
				first := db.Claimer(store.Executor{Kinds: []string{"sql"}})
				first.MustClaim(t, 20) // the keys that run
				db.Insert(storetest.Row{"tag": "last", "mutex_key": "z", "pool": "p"})
				c := db.Claimer(store.Executor{Kinds: []string{"sql"}})
				storetest.Eventually(t, "the last key has its turn", func() bool { return slices.Contains(ids(c.MustClaim(t, 1)), lastID(db)) })
			})
		}
	}
}

func lastID(db *storetest.DB) int64 {
	return storetest.One[int64](db, "SELECT max(id) FROM tagexec.tag_jobs")
}

func TestClaimKeyedSeesAKeyBusyInEveryPoolAndBatch(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('limited', 3), ('other', NULL)")
	db.Insert(storetest.Row{"mutex_key": "k"})
	running := db.Claimer(store.Executor{}).MustClaim(t, 1)
	for _, pool := range []string{"default", "limited", "other"} {
		db.Insert(storetest.Row{"mutex_key": "k", "pool": pool, "batch": "b"})
	}
	for _, config := range []store.Executor{{}, {Batch: "b"}} {
		if got := db.Claimer(config).MustClaim(t, 10); len(got) != 0 {
			t.Errorf("%+v: claimed %d beside %d", config, len(got), len(running))
		}
	}
}

func TestClaimKeyedOfABatchTakesOneJobOfEachKey(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('limited', 30)")
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, batch, mutex_key, priority, pool)
		SELECT format('%s%s', k, p), 'b', k, p, CASE WHEN k = 'x' THEN 'limited' ELSE 'default' END FROM unnest('{a,b,x,k2,i1}'::text[]) k, generate_series(1, 3) p`)
	c := db.Claimer(store.Executor{Batch: "b"})
	for _, want := range []string{"[a3 b3 i13 k23 x3]", "[a2 b2 i12 k22 x2]", "[a1 b1 i11 k21 x1]", "[]"} {
		jobs := c.MustClaim(t, 20)
		list := []string{}
		for _, j := range jobs {
			list = append(list, j.Tag)
		}
		slices.Sort(list)
		if got := fmt.Sprint(list); got != want {
			t.Errorf("claimed %s, want %s", got, want)
		}
		c.End(t, store.Succeeded, jobs...)
	}
}

// Another claimer holds a key in a transaction that has not committed: the
// claim waits for it, fails on that key, and still gets the innocent one.
func TestClaimKeyedLosesOnlyTheKeyTakenAtTheSameMoment(t *testing.T) {
	t.Parallel()
	for _, batch := range []string{"", "b"} {
		t.Run(fmt.Sprintf("batch %q", batch), func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			first := db.Insert(storetest.Row{"mutex_key": "k", "batch": "b"}, storetest.Row{"mutex_key": "k", "batch": "b"}, storetest.Row{"tag": "innocent", "mutex_key": "l", "batch": "b"})
			rival := db.Executor()
			tx, err := db.Conn().Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(t.Context(), `UPDATE tagexec.tag_jobs SET state = 'running', attempt = 1, executor_id = $1, started_at = statement_timestamp(), deadline_at = 'infinity'
				WHERE id = $2`, rival, first[1]); err != nil {
				t.Fatal(err)
			}
			c := db.Claimer(store.Executor{Batch: batch})
			claimed := make(chan []store.Job, 1)
			go func() {
				jobs, err := c.ClaimAll(t.Context(), 5)
				if err != nil {
					t.Error(err)
				}
				claimed <- jobs
			}()
			storetest.Eventually(t, "the claim waits for the rival", func() bool { return db.Waiting() == 1 })
			if err := tx.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := tags(<-claimed); got != "[innocent]" {
				t.Errorf("claimed %s", got)
			}
		})
	}
}

// What was found may be out of date when it is taken: a job whose key runs by
// then, or which another executor has, costs the others nothing.
func TestClaimKeyedTakesTheRestOfWhatItFound(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c, other := db.Claimer(store.Executor{}), db.Claimer(store.Executor{})
	found := db.Insert(storetest.Row{"mutex_key": "k"}, storetest.Row{"mutex_key": "k"}, storetest.Row{"mutex_key": "l", "tag": "innocent"}, storetest.Row{"mutex_key": "m"})
	if got := other.MustClaim(t, 1); len(got) != 1 || got[0].ID != found[0] {
		t.Fatalf("the other claimed %v", ids(got))
	}
	jobs, err := store.Take(t.Context(), c.Session, found, 1)
	if err != nil || tags(jobs) != "[innocent]" {
		t.Errorf("took %s, %v", tags(jobs), err)
	}
}
