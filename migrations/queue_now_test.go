package migrations_test

import (
	"testing"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestQueueNowTellsWhatWaitsInEachPool(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots, paused) VALUES ('two', 2, true), ('keyed', NULL, false)")
	c := db.Claimer(store.Executor{Workers: 8})
	db.Insert(storetest.Row{"slots": 3})
	c.MustClaim(t, 1)
	const ago = "UPDATE tagexec.tag_jobs SET created_at = now() - interval '1 h', run_at = now() - interval '1 h' * $1 WHERE id = $2"
	db.Exec(ago, 2, db.Insert(storetest.Row{"pool": "two", "priority": 1})[0]) // inserted later than it was due
	db.Exec(ago, 0, db.Insert(storetest.Row{"pool": "two", "priority": 9})[0])
	db.Insert(storetest.Row{"pool": "two", "run_at": "2040-01-01"})
	db.Exec(ago, 2, db.Insert(storetest.Row{"pool": "keyed", "mutex_key": "a"})[0])
	db.Insert(storetest.Row{"pool": "keyed", "mutex_key": "b"}, storetest.Row{"pool": "keyed", "mutex_key": "b", "run_at": "2040-01-01"})
	storetest.Check(t, "pools", storetest.All[string](db, `SELECT concat_ws(' ', pool, due, pending, round(oldest_due_seconds / 3600)::int, used, coalesce(slots::text, '-'), paused)
		FROM tagreport.queue_now ORDER BY pool`), "[default 0 0 3 - f keyed 2 3 2 0 - f two 2 3 1 0 2 t]")
}

// It may be asked every few seconds, however much waits.
func TestQueueNowLooksAtABoundedNumberOfJobs(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec(`INSERT INTO tagexec.tag_pools (pool) VALUES ('keyed'), ('later');
		INSERT INTO tagexec.tag_jobs (tag, priority, pool, mutex_key, run_at)
		SELECT 't', 3 + i % 3, p, CASE WHEN p = 'keyed' THEN 'k' || i % 1000 END, CASE WHEN p = 'later' THEN timestamptz '2040-01-01' ELSE now() END
		  FROM generate_series(1, 101000) i CROSS JOIN unnest('{default,keyed,later}'::text[]) p WHERE p <> 'later' OR i <= 1000`)
	db.Exec("VACUUM ANALYZE tagexec.tag_jobs")
	conn := db.Conn()
	read := explain(t, conn, "SELECT * FROM tagreport.queue_now").read(map[string]float64{})
	if most := 205_000.0; read["tag_jobs"] > most {
		t.Errorf("it looks at %.0f jobs; at most %.0f are needed to count to 100,000 in two pools", read["tag_jobs"], most)
	}
	storetest.Check(t, "pools", storetest.All[string](db, "SELECT concat_ws(' ', pool, due, pending) FROM tagreport.queue_now ORDER BY pool"),
		"[default 100001 100001 keyed 100001 100001 later 0 1000]")
}
