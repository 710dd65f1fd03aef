package store_test

import (
	"strings"
	"testing"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// lastStatement returns the name of the last statement that the session sends during
// do.
func lastStatement(t *testing.T, db *storetest.DB, do func()) string {
	t.Helper()
	do()
	last := storetest.One[string](db, `SELECT query FROM pg_stat_activity WHERE datname = current_database()
		AND application_name = 'test' AND query LIKE '-- tagexec:%' ORDER BY query_start DESC LIMIT 1`)
	name, _, _ := strings.Cut(strings.TrimPrefix(last, "-- tagexec: "), "\n")
	return name
}

// A new job is claimed by one statement, from the lanes that held work before;
// only then the session scans.
func TestClaimOfANotifiedSessionTakesOneRoundTrip(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := db.Claimer(store.Executor{Kinds: []string{"sql"}})
	first := db.Insert(storetest.Row{})[0]
	if got := ids(c.MustClaim(t, 9)); len(got) != 1 || got[0] != first {
		t.Fatalf("claimed %v", got)
	}
	notified, end := listen(t, c.Session)
	defer end()
	second := db.Insert(storetest.Row{}, storetest.Row{"pool": "default", "priority": 9, "tag": "in a new lane"})
	<-notified
	var claimed store.Claimed
	if got := lastStatement(t, db, func() { claimed, _ = c.Claim(t.Context(), 9) }); got != "claim" {
		t.Errorf("the last statement was %q", got)
	}
	if got := ids(claimed.Jobs); len(got) != 1 || got[0] != second[0] || !claimed.More {
		t.Errorf("claimed %v, more %v; want job %d from the remembered lane", got, claimed.More, second[0])
	}
	if claimed, _ = c.Claim(t.Context(), 9); len(claimed.Jobs) != 1 || claimed.Jobs[0].ID != second[1] || claimed.More {
		t.Errorf("then %v, more %v; want job %d, found by the scan", ids(claimed.Jobs), claimed.More, second[1])
	}
}

// While nothing is due an executor that polls sends one statement, a scan.
func TestClaimOfAnEmptyQueueScansOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := db.Claimer(store.Executor{})
	for range 3 {
		var claimed store.Claimed
		if got := lastStatement(t, db, func() { claimed, _ = c.Claim(t.Context(), 9) }); got != "scan lanes" || claimed.More || len(claimed.Jobs) > 0 {
			t.Errorf("%q claimed %v, more %v", got, ids(claimed.Jobs), claimed.More)
		}
	}
}

// What a claim passes over, its session need not be told: another kind, pool or
// batch, a paused pool, a time to come.
func TestClaimTakesOnlyWhatMayRunHere(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		others string
		e      store.Executor
		want   string
	}{
		"of another kind":    {"UPDATE tagexec.tag_jobs SET kind = 'http' WHERE tag = 'other'", store.Executor{Kinds: []string{"sql"}}, "[ours]"},
		"of another pool":    {"UPDATE tagexec.tag_jobs SET pool = 'wide' WHERE tag = 'other'", store.Executor{Pools: []string{"default"}}, "[ours]"},
		"of no batch":        {"UPDATE tagexec.tag_jobs SET batch = NULL WHERE tag = 'other'", store.Executor{Batch: "b"}, "[ours]"},
		"of a paused pool":   {"UPDATE tagexec.tag_jobs SET pool = 'paused' WHERE tag = 'other'", store.Executor{}, "[ours]"},
		"of a limited pool":  {"UPDATE tagexec.tag_jobs SET pool = 'limited', slots = 2 WHERE tag = 'other'", store.Executor{}, "[other ours]"},
		"of one slot only":   {"UPDATE tagexec.tag_jobs SET pool = 'limited', slots = 3 WHERE tag = 'other'", store.Executor{}, "[ours]"},
		"not due":            {"UPDATE tagexec.tag_jobs SET run_at = now() + interval '1 h' WHERE tag = 'other'", store.Executor{}, "[ours]"},
		"a suspect":          {"UPDATE tagexec.tag_jobs SET crashes = 2 WHERE tag = 'other'", store.Executor{}, "[ours]"},
		"with a mutex key":   {"UPDATE tagexec.tag_jobs SET mutex_key = 'k' WHERE tag = 'other'", store.Executor{}, "[other ours]"},
		"like ours, in fact": {"SELECT", store.Executor{}, "[other ours]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Exec(`INSERT INTO tagexec.tag_pools (pool, slots, paused) VALUES ('wide', NULL, false), ('paused', NULL, true), ('limited', 2, false)`)
			db.Exec(`INSERT INTO tagexec.tag_jobs (tag, batch, priority) VALUES ('ours', 'b', 1), ('other', 'b', 9)`)
			db.Exec(tt.others)
			c := db.Claimer(tt.e)
			if got := tags(c.MustClaim(t, 10)); got != tt.want {
				t.Errorf("claimed %s, want %s", got, tt.want)
			}
			if want := name == "a suspect"; c.Suspects != want {
				t.Errorf("suspects: %t, want %t", c.Suspects, want)
			}
		})
	}
}
