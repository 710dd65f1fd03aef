package store_test

import (
	"testing"
	"time"

	"github.com/tagexec/tagexec/store/storetest"
)

// minutes are those that were written, without their buckets.
const minutesSQL = `SELECT concat_ws(' ', round(extract(epoch FROM date_trunc('minute', now()) - minute) / 60), pool, kind, outcome, attempts, run_seconds, wait_seconds)
	FROM tagreport.minutes ORDER BY minute, pool, kind, outcome`

// attempt inserts a job that ended so long ago, after it ran and waited so long.
func attempt(db *storetest.DB, ago time.Duration, run, wait float64) {
	executor := db.Executor()
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, state, attempt, executor_id, finished_at, started_at, run_at, created_at)
		SELECT 't', 'succeeded', 1, $4, f, f - $2 * interval '1 s', f - ($2 + $3) * interval '1 s', f - ($2 + $3) * interval '1 s'
		  FROM (SELECT date_trunc('minute', now()) + interval '30 s' - $1::interval) t (f)`, ago, run, wait, executor)
}

func TestWriteMinutesWritesEachMinuteOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := db.Store()
	db.Exec("UPDATE tagexec.minutes_written SET until = date_trunc('minute', now()) - interval '10 min'")
	attempt(db, 20*time.Minute, 1, 1) // before what is written
	attempt(db, 5*time.Minute, 1, 0.0005)
	attempt(db, 5*time.Minute, 3, 20000)
	attempt(db, 4*time.Minute, 0, 0)
	db.Exec("UPDATE tagexec.tag_jobs SET pool = 'default'")
	attempt(db, 0, 1, 1) // of a minute that is not over
	for range 2 {
		more, err := s.WriteMinutes(t.Context())
		if more || err != nil {
			t.Fatal(more, err)
		}
		storetest.Check(t, "minutes", storetest.All[string](db, minutesSQL), "[5 default sql succeeded 2 4 20000.0005 4 default sql succeeded 1 0 0]")
		attempt(db, 5*time.Minute, 1, 1) // too late to be seen
	}
	// The n-th bucket is up to 0.001 * 2^((n - 1) / 2) seconds: 1 s is in the 21st, 3 s in the 25th.
	storetest.Check(t, "buckets", storetest.All[string](db, `SELECT format('%s %s', (SELECT array_agg(n) FROM unnest(run_counts) WITH ORDINALITY r (c, n) WHERE c = 1), (SELECT array_agg(n) FROM unnest(wait_counts) WITH ORDINALITY r (c, n) WHERE c = 1))
		FROM tagreport.minutes WHERE attempts = 2`), "[{21,25} {1,49}]")
	storetest.Check(t, "lengths", storetest.One[string](db, "SELECT DISTINCT concat_ws(' ', cardinality(run_counts), cardinality(wait_counts)) FROM tagreport.minutes"), "49 49")
}

// What a fleet left behind is written in steps, and one executor at a time.
func TestWriteMinutesGoesInSteps(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := db.Store()
	db.Exec("UPDATE tagexec.minutes_written SET until = date_trunc('minute', now()) - interval '150 min'")
	attempt(db, 140*time.Minute, 1, 1)
	attempt(db, 5*time.Minute, 1, 1)
	holder := db.Conn()
	if _, err := holder.Exec(t.Context(), "BEGIN; SELECT FROM tagexec.minutes_written FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	if more, err := s.WriteMinutes(t.Context()); more || err != nil {
		t.Errorf("beside another that writes: %v, %v", more, err)
	}
	if _, err := holder.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	var steps int
	for more := true; more; steps++ {
		var err error
		if more, err = s.WriteMinutes(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	storetest.Check(t, "steps", steps, 3)
	storetest.Check(t, "attempts", storetest.One[int](db, "SELECT sum(attempts)::int FROM tagreport.minutes"), 2)
}

// History is not read for a minute of it.
func TestWriteMinutesReadsTheMinutesItWrites(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, state, attempt, executor_id, created_at, run_at, started_at, finished_at)
		SELECT 't', 'succeeded', 1, $1, t, t, t, t FROM (SELECT now() - interval '30 d' + i * interval '30 d' / 100000 AS t FROM generate_series(1, 100000) i) s`, db.Executor())
	db.Exec("VACUUM ANALYZE tagexec.tag_jobs")
	blocks := func() int {
		return storetest.One[int](db, "SELECT (heap_blks_hit + heap_blks_read)::int FROM pg_statio_user_tables WHERE relid = 'tagexec.tag_jobs'::regclass")
	}
	all := storetest.One[int](db, "SELECT (pg_relation_size('tagexec.tag_jobs') / 8192)::int")
	conn := db.Conn()
	var plan string
	if err := conn.QueryRow(t.Context(), "SELECT pg_stat_force_next_flush()::text").Scan(&plan); err != nil {
		t.Fatal(err)
	}
	before := blocks()
	db.Exec("UPDATE tagexec.minutes_written SET until = date_trunc('minute', now()) - interval '30 min'")
	if _, err := conn.Exec(t.Context(), "SELECT tagexec.write_minutes(); SELECT pg_stat_force_next_flush()"); err != nil {
		t.Fatal(err)
	}
	if read := blocks() - before; read == 0 || read > all/10 {
		t.Errorf("half an hour of thirty days reads %d blocks of %d", read, all)
	}
}
