package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

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

// A claim meets a job that another executor has claimed since it began. It leaves
// the row alone: its executor is about to record it.
func TestClaimDoesNotLockWhatAnotherClaimed(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_pools (pool) VALUES ('first'), ('second')")
	c := db.Claimer(store.Executor{})
	jobs := db.Insert(storetest.Row{"pool": "first", "priority": 9}, storetest.Row{"pool": "first", "priority": 9}, storetest.Row{"pool": "second"})
	storetest.Check(t, "claimed first", ids(c.MustClaim(t, 1)), jobs[:1]) // now both lanes are known

	// From here on a claim waits before it reads a lane, as if the server were busy.
	db.Exec(`ALTER TABLE tagexec.tag_pools RENAME TO pools;
		CREATE VIEW tagexec.tag_pools AS SELECT * FROM tagexec.pools WHERE pg_advisory_xact_lock_shared(hashtext(pool)) IS NOT NULL;
		GRANT SELECT ON tagexec.tag_pools TO PUBLIC`)
	gate := db.Conn()
	exec := func(sql string) {
		t.Helper()
		if _, err := gate.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec("SELECT pg_advisory_lock(hashtext(pool)) FROM tagexec.pools")
	claimed := make(chan []int64, 1)
	go func() {
		answer, err := c.Claim(t.Context(), 2)
		if err != nil {
			t.Error(err)
		}
		claimed <- ids(answer.Jobs)
	}()
	storetest.Eventually(t, "the claim waits before its first lane", func() bool { return db.Waiting() == 1 })
	db.Exec("UPDATE tagexec.tag_jobs SET state = 'running', attempt = 1, executor_id = $2, started_at = now(), deadline_at = now() WHERE id = $1", jobs[1], db.Executor())
	exec("SELECT pg_advisory_unlock(hashtext('first'))")
	storetest.Eventually(t, "the claim waits before its second lane", func() bool {
		return storetest.One[bool](db, "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid::bigint = hashtext('second')::bigint & 4294967295)")
	})
	exec(fmt.Sprintf("SELECT FROM tagexec.tag_jobs WHERE id = %d FOR UPDATE NOWAIT", jobs[1]))
	exec("SELECT pg_advisory_unlock_all()")
	storetest.Check(t, "claimed then", <-claimed, jobs[2:])
	db.Exec("DROP VIEW tagexec.tag_pools; ALTER TABLE tagexec.pools RENAME TO tag_pools")
}

// A lock that is over leaves its mark on the row for as long as nobody changes it.
func TestClaimTakesWhatWasLockedOnce(t *testing.T) {
	t.Parallel()
	for name, locks := range map[string][]string{
		"by one":           {"FOR UPDATE"},
		"by two at a time": {"FOR SHARE", "FOR SHARE"},
	} {
		for _, end := range []string{"COMMIT", "ROLLBACK"} {
			t.Run(name+", "+end, func(t *testing.T) {
				t.Parallel()
				db := storetest.New(t)
				c := db.Claimer(store.Executor{})
				jobs := db.Insert(storetest.Row{})
				exec := func(conn *pgx.Conn, sql string) {
					t.Helper()
					if _, err := conn.Exec(t.Context(), sql); err != nil {
						t.Fatal(err)
					}
				}
				exec(db.Conn(), "BEGIN; CREATE TABLE older (); SELECT") // writes since before, and for long
				var conns []*pgx.Conn
				for _, lock := range locks {
					conn := db.Conn()
					conns = append(conns, conn)
					exec(conn, "BEGIN; SELECT FROM tagexec.tag_jobs "+lock)
				}
				for _, conn := range conns {
					exec(conn, end)
				}
				storetest.Check(t, "marked", storetest.One[bool](db, "SELECT xmax <> 0 FROM tagexec.tag_jobs"), true)
				storetest.Check(t, "claimed", ids(c.MustClaim(t, 1)), jobs)
			})
		}
	}
}
