package report_test

import (
	"slices"
	"testing"

	"github.com/tagexec/tagexec/store/storetest"
)

// Who shares a mutex key: first the one that runs, then in the order of their claim, in
// whatever pool.
func TestSharersOfAMutexKey(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool) VALUES ('other')")
	runs := run(db, "b")
	db.Exec("UPDATE tagexec.tag_jobs SET mutex_key = 'k' WHERE id = $1", runs)
	ids := db.Insert(
		storetest.Row{"mutex_key": "k", "priority": 1},
		storetest.Row{"mutex_key": "k", "pool": "other", "priority": 9},
		storetest.Row{"mutex_key": "another", "pool": "other"},
		storetest.Row{"mutex_key": "k", "priority": 7},
	)
	list, err := open(t, db.URL).Sharers(t.Context(), "k", 3)
	var got []int64
	for _, s := range list {
		got = append(got, s.ID)
	}
	if want := []int64{runs, ids[1], ids[3]}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, want %v, %v", got, want, err)
	}
}

func TestUsualRunTimeOfATag(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("ALTER TABLE tagexec.tag_jobs DISABLE TRIGGER check_new_jobs")
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, state, attempt, failures, executor_id, created_at, run_at, started_at, finished_at, last_outcome)
	         SELECT 'a', s, 1, CASE s WHEN 'failed' THEN 1 ELSE 0 END, $1, at - interval '1 h', at - interval '1 h', at - make_interval(secs => run), at, nullif(s, 'succeeded')
	           FROM (VALUES ('succeeded', 2, now()), ('succeeded', 4, now()), ('succeeded', 9, now()), ('failed', 100, now()),
	                        ('succeeded', 1000, now() - interval '1 day')) v (s, run, at)`, db.Executor())
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, state, attempt, failures, executor_id, created_at, run_at, started_at, finished_at, last_outcome)
	         SELECT 'a', 'failed', 1, 1, $1, now(), now(), now(), now(), 'failed' FROM generate_series(1, 6)`, db.Executor())
	r := open(t, db.URL)
	if got, err := r.UsualSeconds(t.Context(), "a"); err != nil || got == nil || *got != 4 {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := r.UsualSeconds(t.Context(), "none"); err != nil || got != nil {
		t.Errorf("got %v, %v", got, err)
	}
}
