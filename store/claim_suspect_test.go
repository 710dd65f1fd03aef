package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestClaimSuspectTakesOneByItself(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		row  storetest.Row
		also string // SQL before the claim
		want int
	}{
		{"in the default pool", storetest.Row{}, "", 1},
		{"with a mutex key", storetest.Row{"mutex_key": "k"}, "", 1},
		{"in a limited pool with room", storetest.Row{"pool": "two"}, "", 1},
		{"too wide for what is free", storetest.Row{"pool": "two", "slots": 2}, "", 0},
		{"in a paused pool", storetest.Row{"pool": "two"}, "UPDATE tagexec.tag_pools SET paused = true WHERE pool = 'two'", 0},
		{"with a busy mutex key", storetest.Row{"mutex_key": "busy"}, "", 0},
		{"not due", storetest.Row{"run_at": "later"}, "", 0},
		{"of a foreign kind", storetest.Row{"kind": "http"}, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('two', 2)")
			c := db.Claimer(store.Executor{Kinds: []string{"sql"}})
			db.Insert(storetest.Row{"pool": "two", "mutex_key": "busy"})
			c.MustClaim(t, 1)
			if tt.row["run_at"] != nil {
				tt.row["run_at"] = time.Now().Add(time.Hour)
			}
			id := db.Insert(tt.row)[0]
			db.Exec("UPDATE tagexec.tag_jobs SET crashes = 2 WHERE id = $1", id)
			if tt.also != "" {
				db.Exec(tt.also)
			}
			if jobs := c.MustClaim(t, 10); len(jobs) != 0 {
				t.Errorf("an ordinary claim took %d suspects", len(jobs))
			}
			jobs, err := c.ClaimSuspect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(jobs) != tt.want {
				t.Errorf("claimed %d suspects, want %d", len(jobs), tt.want)
			}
		})
	}
}

func TestClaimSuspectIsLeftOutFromAmongOthers(t *testing.T) {
	t.Parallel()
	for _, pool := range []string{"default", "limited"} {
		for _, batch := range []string{"", "b"} {
			t.Run(fmt.Sprintf("pool %s, batch %q", pool, batch), func(t *testing.T) {
				t.Parallel()
				db := storetest.New(t)
				db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('limited', 9)")
				db.Exec(`INSERT INTO tagexec.tag_jobs (tag, pool, batch, crashes, mutex_key)
					SELECT 'job ' || i, $1, 'b', i % 2 * 2, CASE WHEN i > 4 THEN 'key ' || i END FROM generate_series(1, 8) i`, pool)
				if got := tags(db.Claimer(store.Executor{Batch: batch}).MustClaim(t, 20)); got != "[job 2 job 4 job 6 job 8]" {
					t.Errorf("claimed %s", got)
				}
			})
		}
	}
}

func TestClaimSuspectIsSeenByAScan(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := db.Claimer(store.Executor{})
	c.MustClaim(t, 1)
	if c.Suspects {
		t.Error("there are no suspects yet")
	}
	id := db.Insert(storetest.Row{})[0]
	db.Exec("UPDATE tagexec.tag_jobs SET crashes = 2 WHERE id = $1", id)
	c.MustClaim(t, 1)
	if !c.Suspects {
		t.Error("the suspect was not seen")
	}
}

// After River's RescuesStuckJobs and Awa's test_worker_hang_is_cancelled_by_deadline_rescue_and_retried.
func TestReapTakesAJobFarPastItsDeadlineFromALivingExecutor(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := db.Claimer(store.Executor{})
	late, inTime := db.Insert(storetest.Row{})[0], db.Insert(storetest.Row{})[0]
	jobs := c.MustClaim(t, 2)
	// A lease so short that the graces are over.
	db.Exec("UPDATE tagexec.tag_executors SET lease_seconds = 0.001 WHERE id = $1", c.ID)
	db.Exec("UPDATE tagexec.tag_jobs SET deadline_at = now() - interval '1 min' WHERE id = $1", late)
	db.Exec("UPDATE tagexec.tag_jobs SET deadline_at = now() WHERE id = $1", inTime)
	s := db.Store()
	if _, err := s.Reap(t.Context(), 0); err != nil { // looks
		t.Fatal(err)
	}
	if _, err := c.Heartbeat(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Reap(t.Context(), time.Hour); err != nil || got.Jobs != 1 || len(got.Executors) != 0 {
		t.Errorf("reaped %+v, %v, want one job and no executor", got, err)
	}
	got := storetest.One[string](db, `SELECT concat_ws(' ', state, failures, crashes, error_code) FROM tagexec.tag_jobs WHERE id = $1`, late)
	if got != "pending 1 0 lost" {
		t.Errorf("the late job is %q", got)
	}
	// Its executor's result comes too late; that of the other is stored.
	fates := c.MustRecord(t, store.Result{Claim: jobs[0].Claim, Outcome: store.Succeeded}, store.Result{Claim: jobs[1].Claim, Outcome: store.Succeeded})
	if fates[0] != store.Refused || fates[1] != store.Applied {
		t.Errorf("fates are %v", fates)
	}
}

func TestReapPassesOverALockedRowOfADeadExecutor(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := db.Claimer(store.Executor{})
	ids := db.Insert(storetest.Row{}, storetest.Row{}, storetest.Row{})
	c.MustClaim(t, 3)
	db.Expire(c.ID)
	forgotten, err := db.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := forgotten.Exec(t.Context(), "SELECT FROM tagexec.tag_jobs WHERE id = $1 FOR UPDATE", ids[1]); err != nil {
		t.Fatal(err)
	}
	if got := db.Reap(); got.Jobs != 2 {
		t.Errorf("%d jobs were reaped beside a locked one, want 2", got.Jobs)
	}
	if err := forgotten.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := db.Reap(); got.Jobs != 1 {
		t.Errorf("%d jobs were reaped when the lock was gone, want 1", got.Jobs)
	}
}
