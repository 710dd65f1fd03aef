package store_test

import (
	"strings"
	"testing"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// An idle executor starts a job after one round trip: it does not look first
// where work lies. More than it can take is a matter of lanes.
func TestAFewJobsAreClaimedWithoutASurvey(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		jobs, n int
		last    string
	}{
		{0, 10, "claim few"},
		{3, 10, "claim few"},
		{3, 3, "claim few"},
		{3, 2, "claim"},
	} {
		db := storetest.New(t)
		e := db.Executor()
		db.Exec(`INSERT INTO tagexec.tag_jobs (tag, priority) SELECT 't', i FROM generate_series(1, $1) i`, tt.jobs)
		jobs, err := db.Store().Queue(store.QueueConfig{Kinds: []string{"sql"}}).Claim(t.Context(), e, tt.n)
		if err != nil || len(jobs) != min(tt.jobs, tt.n) {
			t.Errorf("%d of %d jobs claimed: %v", len(jobs), tt.jobs, err)
		}
		for i, j := range jobs {
			if want := int16(tt.jobs - i); j.Priority != want {
				t.Errorf("job %d of %d has priority %d, want %d", i, tt.jobs, j.Priority, want)
			}
		}
		last := storetest.One[string](db, `SELECT query FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '-- tagexec: claim%'`)
		if name, _, _ := strings.Cut(last, "\n"); name != "-- tagexec: "+tt.last {
			t.Errorf("%d jobs for %d workers: claimed by %q, want %q", tt.jobs, tt.n, name, tt.last)
		}
	}
}

// What it must not take decides for all: jobs are counted, not only those that
// can run, and so are jobs whose turn depends on more than their priority.
func TestAFewJobsAreOnlyThoseForThisQueue(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		others string
		config store.QueueConfig
		want   string
	}{
		"of another kind":    {"UPDATE tagexec.tag_jobs SET kind = 'http' WHERE tag = 'other'", store.QueueConfig{Kinds: []string{"sql"}}, "[ours]"},
		"of another pool":    {"UPDATE tagexec.tag_jobs SET pool = 'wide' WHERE tag = 'other'", store.QueueConfig{Pools: []string{"default"}}, "[ours]"},
		"of no batch":        {"UPDATE tagexec.tag_jobs SET batch = NULL WHERE tag = 'other'", store.QueueConfig{Batch: "b"}, "[ours]"},
		"of a paused pool":   {"UPDATE tagexec.tag_jobs SET pool = 'paused' WHERE tag = 'other'", store.QueueConfig{}, "[ours]"},
		"of a limited pool":  {"UPDATE tagexec.tag_jobs SET pool = 'limited', slots = 2 WHERE tag = 'other'", store.QueueConfig{}, "[other ours]"},
		"of one slot only":   {"UPDATE tagexec.tag_jobs SET pool = 'limited', slots = 3 WHERE tag = 'other'", store.QueueConfig{}, "[ours]"},
		"not due":            {"UPDATE tagexec.tag_jobs SET run_at = now() + interval '1 h' WHERE tag = 'other'", store.QueueConfig{}, "[ours]"},
		"under suspicion":    {"UPDATE tagexec.tag_jobs SET crashes = 2 WHERE tag = 'other'", store.QueueConfig{}, "[ours]"},
		"with a mutex key":   {"UPDATE tagexec.tag_jobs SET mutex_key = 'k' WHERE tag = 'other'", store.QueueConfig{}, "[other ours]"},
		"like ours, in fact": {"SELECT", store.QueueConfig{}, "[other ours]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Exec(`INSERT INTO tagexec.tag_pools (pool, slots, paused) VALUES ('wide', NULL, false), ('paused', NULL, true), ('limited', 2, false)`)
			db.Exec(`INSERT INTO tagexec.tag_jobs (tag, batch, priority) VALUES ('ours', 'b', 1), ('other', 'b', 9)`)
			db.Exec(tt.others)
			c := newClaimer(db, tt.config)
			if got := tags(c.claim(t, 10)); got != tt.want {
				t.Errorf("claimed %s, want %s", got, tt.want)
			}
			if want := name == "under suspicion"; c.Suspects() != want {
				t.Errorf("suspects: %t, want %t", !want, want)
			}
		})
	}
}
