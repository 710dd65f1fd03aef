package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestSuspectsAreClaimedByThemselves(t *testing.T) {
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
			c := newClaimer(db, store.QueueConfig{Kinds: []string{"sql"}})
			db.Insert(storetest.Row{"pool": "two", "mutex_key": "busy"})
			c.claim(t, 1)
			if tt.row["run_at"] != nil {
				tt.row["run_at"] = time.Now().Add(time.Hour)
			}
			id := db.Insert(tt.row)[0]
			db.Exec("UPDATE tagexec.tag_jobs SET crashes = 2 WHERE id = $1", id)
			if tt.also != "" {
				db.Exec(tt.also)
			}
			if jobs := c.claim(t, 10); len(jobs) != 0 {
				t.Errorf("an ordinary claim took %d suspects", len(jobs))
			}
			jobs, err := c.ClaimSuspect(t.Context(), c.id)
			if err != nil {
				t.Fatal(err)
			}
			if len(jobs) != tt.want {
				t.Errorf("claimed %d suspects, want %d", len(jobs), tt.want)
			}
			if c.Suspects() {
				t.Error("suspects are reported before the next look")
			}
		})
	}
}

func TestASuspectIsLeftOutFromAmongOthers(t *testing.T) {
	t.Parallel()
	for _, pool := range []string{"default", "limited"} {
		for _, batch := range []string{"", "b"} {
			t.Run(fmt.Sprintf("pool %s, batch %q", pool, batch), func(t *testing.T) {
				t.Parallel()
				db := storetest.New(t)
				db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('limited', 9)")
				db.Exec(`INSERT INTO tagexec.tag_jobs (tag, pool, batch, crashes, mutex_key)
					SELECT 'job ' || i, $1, 'b', i % 2 * 2, CASE WHEN i > 4 THEN 'key ' || i END FROM generate_series(1, 8) i`, pool)
				if got := tags(newClaimer(db, store.QueueConfig{Batch: batch}).claim(t, 20)); got != "[job 2 job 4 job 6 job 8]" {
					t.Errorf("claimed %s", got)
				}
			})
		}
	}
}

func TestSuspectsAreSeenByTheSurvey(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := newClaimer(db, store.QueueConfig{})
	c.claim(t, 1)
	if c.Suspects() {
		t.Error("there are no suspects yet")
	}
	id := db.Insert(storetest.Row{})[0]
	db.Exec("UPDATE tagexec.tag_jobs SET crashes = 2 WHERE id = $1", id)
	c.claim(t, 1)
	if !c.Suspects() {
		t.Error("the suspect was not seen")
	}
}

// After River's RescuesStuckJobs and Awa's test_worker_hang_is_cancelled_by_deadline_rescue_and_retried.
func TestAJobFarPastItsDeadlineIsTakenFromALivingExecutor(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := newClaimer(db, store.QueueConfig{})
	late, inTime := db.Insert(storetest.Row{})[0], db.Insert(storetest.Row{})[0]
	jobs := c.claim(t, 2)
	// Alive for a long time to come, with a lease so short that the graces are over.
	db.Exec("UPDATE tagexec.tag_executors SET lease_seconds = 0.001, heartbeat_at = now() + interval '1 h' WHERE id = $1", c.id)
	db.Exec("UPDATE tagexec.tag_jobs SET deadline_at = now() - interval '1 min' WHERE id = $1", late)
	db.Exec("UPDATE tagexec.tag_jobs SET deadline_at = now() WHERE id = $1", inTime)
	if got := reap(t, db); got.Jobs != 1 || len(got.Executors) != 0 {
		t.Errorf("reaped %+v, want one job and no executor", got)
	}
	got := storetest.One[string](db, `SELECT concat_ws(' ', state, failures, crashes, error_code) FROM tagexec.tag_jobs WHERE id = $1`, late)
	if got != "pending 1 0 lost" {
		t.Errorf("the late job is %q", got)
	}
	// Its executor's result comes too late; that of the other is stored.
	fates := c.record(t, store.Result{Claim: jobs[0].Claim, Outcome: store.Succeeded}, store.Result{Claim: jobs[1].Claim, Outcome: store.Succeeded})
	if fates[0] != store.Refused || fates[1] != store.Applied {
		t.Errorf("fates are %v", fates)
	}
}

func TestALockedRowDoesNotKeepTheOthersOfADeadExecutor(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := newClaimer(db, store.QueueConfig{})
	ids := db.Insert(storetest.Row{}, storetest.Row{}, storetest.Row{})
	c.claim(t, 3)
	expire(db, c.id)
	forgotten, err := db.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := forgotten.Exec(t.Context(), "SELECT FROM tagexec.tag_jobs WHERE id = $1 FOR UPDATE", ids[1]); err != nil {
		t.Fatal(err)
	}
	if got := reap(t, db); got.Jobs != 2 {
		t.Errorf("%d jobs were reaped beside a locked one, want 2", got.Jobs)
	}
	if err := forgotten.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	db.Exec("UPDATE tagexec.tag_jobs SET started_at = started_at - interval '1 h', created_at = created_at - interval '1 h', run_at = run_at - interval '1 h' WHERE state = 'running'")
	if got := reap(t, db); got.Jobs != 1 {
		t.Errorf("%d jobs were reaped when the lock was gone, want 1", got.Jobs)
	}
}
