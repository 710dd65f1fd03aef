package migrations_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// scene is where a job waits: a database and an executor that runs SQL jobs.
type scene struct {
	*testing.T
	db *storetest.DB
	c  *storetest.Claimer
}

// claimed lets the executor claim up to n jobs, and it must get want: that
// explain_job and claims agree is the point.
func (s scene) claimed(n, want int) {
	s.Helper()
	if jobs := s.c.MustClaim(s.T, n); len(jobs) != want {
		s.Fatalf("claimed %d jobs, want %d", len(jobs), want)
	}
}

// unavailable makes a source one that the executor cannot use.
func (s scene) unavailable(source string) {
	s.Helper()
	s.c.Avoid([]store.Unavailable{{Kind: "sql", Resource: store.Resource{Name: "source " + source, Field: "source", Texts: []string{source}}, Since: time.Now(), Error: "no connection"}})
	if _, err := s.c.Heartbeat(s.Context()); err != nil {
		s.Fatal(err)
	}
}

// Each sentence of explain_job in the situation that it is about.
func TestExplainJobSaysWhyAJobIsNotRunning(t *testing.T) {
	t.Parallel()
	const at = `\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d`
	pools := func(s scene) {
		s.db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('four', 4), ('two', 2), ('other', NULL)")
	}
	for _, tt := range []struct {
		name string
		make func(s scene) int64 // returns the job to explain
		want string              // a pattern; $1 stands for the first job's id, and so on
	}{
		{"unknown", func(scene) int64 { return 77 }, "there is no job 77"},
		{"running on an executor that nothing is heard of", func(s scene) int64 {
			id := s.db.Insert(storetest.Row{})[0]
			s.c.MustClaim(s.T, 1)
			s.db.Exec("UPDATE tagexec.tag_executors SET heartbeat_at = '2026-01-01 12:00:00Z'")
			return id
		}, "running on test .process 1. since .* at the latest; nothing was heard of that executor since 2026-01-01 12:00:00[+]00: the next living one takes the job over; its statement may go on in the engine until .*"},
		{"running on an executor that nothing is heard of since the clock was set back", func(s scene) int64 {
			id := s.db.Insert(storetest.Row{})[0]
			s.c.MustClaim(s.T, 1)
			s.db.Exec("UPDATE tagexec.tag_executors SET heartbeat_at = now() + interval '8 h'")
			return id
		}, "running on test .process 1. since .* at the latest; nothing was heard of that executor since the server's clock was set back: the next living one takes the job over; its statement may go on in the engine until .*"},
		{"only an executor that nothing is heard of since the clock was set back", func(s scene) int64 {
			s.db.Exec("UPDATE tagexec.tag_executors SET heartbeat_at = now() + interval '8 h'")
			return s.db.Insert(storetest.Row{})[0]
		}, "no live executor for kind sql and pool default"},
		{"not due", func(s scene) int64 {
			return s.db.Insert(storetest.Row{"run_at": "2040-01-01 12:00:00+00"})[0]
		}, "not due until 2040-01-01 12:00:00[+]00"},
		{"waiting after a failure", func(s scene) int64 {
			id := s.db.Insert(storetest.Row{})[0]
			s.c.MustRecord(s.T, store.Result{Claim: s.c.MustClaim(s.T, 1)[0].Claim, Outcome: store.Failed, Delay: 3600e9, ErrorCode: "42P01", Error: "no such table"})
			return id
		}, "not due until " + at + ` \(failure 1 of 3: \[42P01\] no such table\)`},
		{"waiting after a failure without a word", func(s scene) int64 {
			id := s.db.Insert(storetest.Row{})[0]
			s.c.MustRecord(s.T, store.Result{Claim: s.c.MustClaim(s.T, 1)[0].Claim, Outcome: store.Failed, Delay: 3600e9})
			return id
		}, "not due until " + at + ` \(failure 1 of 3\)`},
		{"waiting because nothing ran", func(s scene) int64 {
			id := s.db.Insert(storetest.Row{})[0]
			s.c.MustRecord(s.T, store.Result{Claim: s.c.MustClaim(s.T, 1)[0].Claim, Outcome: store.Interrupted, ErrorCode: "unavailable", Error: "no connection"})
			return id
		}, "not due until " + at + ` \(nothing ran: no connection; no executor could run it since ` + at + `\)`},
		{"nobody can run it", func(s scene) int64 {
			s.unavailable("dwh")
			return s.db.Insert(storetest.Row{"payload": `{"source": "dwh"}`, "timeout_seconds": 60})[0]
		}, "no executor can run it since " + at + ": source dwh is unavailable on the only one that takes such jobs: no connection; it fails at " + at + " if that lasts"},
		{"nobody can run it, for a time that is not known yet", func(s scene) int64 {
			s.unavailable("dwh")
			return s.db.Insert(storetest.Row{"payload": `{"source": "dwh"}`})[0]
		}, "no executor can run it since " + at + ": source dwh is unavailable on the only one that takes such jobs: no connection; it fails if that lasts as long as an attempt may"},
		{"another source is unavailable", func(s scene) int64 {
			s.unavailable("lake")
			return s.db.Insert(storetest.Row{"payload": `{"source": "dwh"}`})[0]
		}, "due, and waiting for its turn: 0 jobs run on the 1 worker that takes such jobs"},
		{"not due before its batch is over", func(s scene) int64 {
			id := s.db.Insert(storetest.Row{"batch": "b", "run_at": "2040-01-01 12:00:00+00"})[0]
			s.db.Exec("UPDATE tagexec.tag_batches SET expires_at = '2039-01-01 12:00:00+00'")
			return id
		}, "not due until 2040-01-01 12:00:00[+]00, but its batch is over at 2039-01-01 12:00:00[+]00"},
		{"running in a batch that will be over", func(s scene) int64 {
			id := s.db.Insert(storetest.Row{"batch": "b"})[0]
			s.db.Exec("UPDATE tagexec.tag_batches SET expires_at = now() + interval '1 min'")
			s.claimed(1, 1)
			return id
		}, "running on test .process 1. since " + at + ", until " + at + " at the latest; its batch is over at " + at},
		{"behind jobs of nearly all slots there are", func(s scene) int64 {
			s.db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('wide', 2147483647)")
			row := storetest.Row{"pool": "wide", "slots": 2000000000}
			id := s.db.Insert(row, row, row)[2]
			s.claimed(3, 1)
			return id
		}, `waiting behind job $2 \(t\) for 2000000000 slots of pool wide`},
		{"replicated without its pool", func(s scene) int64 {
			s.db.Allow("pool_exists")
			s.db.Exec("ALTER TABLE tagexec.tag_jobs DISABLE TRIGGER check_new_jobs") // as for who applies changes
			return s.db.Insert(storetest.Row{"pool": "elsewhere"})[0]
		}, "there is no pool elsewhere: its row came without the check of an INSERT, as by replication; insert the pool"},
		{"paused", func(s scene) int64 {
			s.db.Exec("UPDATE tagexec.tag_pools SET paused = true WHERE pool = 'four'")
			return s.db.Insert(storetest.Row{"pool": "four"})[0]
		}, "pool four is paused"},
		{"full", func(s scene) int64 {
			id := s.db.Insert(storetest.Row{"pool": "two", "tag": "a"}, storetest.Row{"pool": "two", "tag": "b"}, storetest.Row{"pool": "two"})[2]
			s.c.MustClaim(s.T, 3)
			return id
		}, `pool two is full: 2 of 2 slots are held by job $1 \(a\), job $2 \(b\)`},
		{"full of many", func(s scene) int64 {
			s.db.Exec("UPDATE tagexec.tag_pools SET slots = 6 WHERE pool = 'two'")
			list := s.db.Insert(make([]storetest.Row, 7)...)
			s.db.Exec("UPDATE tagexec.tag_jobs SET pool = 'two'")
			s.c.MustClaim(s.T, 7)
			return list[6]
		}, `pool two is full: 6 of 6 slots are held by job $1 \(t\), job $2 \(t\), job $3 \(t\), job $4 \(t\), job $5 \(t\) and others`},
		{"full since the pool was made smaller", func(s scene) int64 {
			s.db.Allow("pool_limit")
			s.db.Insert(storetest.Row{"pool": "four", "slots": 3})
			s.c.MustClaim(s.T, 1)
			s.db.Exec("UPDATE tagexec.tag_pools SET slots = 1 WHERE pool = 'four'")
			return s.db.Insert(storetest.Row{"pool": "four"})[0]
		}, `pool four is full: 3 of 1 slot are held by job $1 \(t\)`},
		{"pool closed", func(s scene) int64 {
			id := s.db.Insert(storetest.Row{"pool": "four"})[0]
			s.db.Exec("UPDATE tagexec.tag_pools SET slots = 0 WHERE pool = 'four'")
			return id
		}, `needs 1 slot, but pool four has 0 now`},
		{"wider than the pool is now", func(s scene) int64 {
			id := s.db.Insert(storetest.Row{"pool": "four", "slots": 4})[0]
			s.db.Exec("UPDATE tagexec.tag_pools SET slots = 2 WHERE pool = 'four'")
			return id
		}, "needs 4 slots, but pool four has 2 now"},
		{"first, and what is free does not do", func(s scene) int64 {
			id := s.db.Insert(storetest.Row{"pool": "four", "slots": 3, "tag": "a"}, storetest.Row{"pool": "four", "slots": 2})[1]
			s.c.MustClaim(s.T, 2)
			return id
		}, "waiting for 2 slots of pool four, of which 3 of 4 are in use"},
		{"behind a wide job", func(s scene) int64 {
			id := s.db.Insert(storetest.Row{"pool": "four", "slots": 3}, storetest.Row{"pool": "four", "slots": 2, "tag": "wide"}, storetest.Row{"pool": "four"})[2]
			s.c.MustClaim(s.T, 3)
			return id
		}, `waiting behind job $2 \(wide\) for 2 slots of pool four`},
		{"behind a wide job with a mutex key", func(s scene) int64 {
			id := s.db.Insert(storetest.Row{"pool": "four", "slots": 3}, storetest.Row{"pool": "four", "slots": 2, "tag": "wide", "mutex_key": "m"}, storetest.Row{"pool": "four"})[2]
			s.c.MustClaim(s.T, 1)
			return id
		}, `waiting behind job $2 \(wide\) for 2 slots of pool four`},
		{"a wide job that nobody can run keeps nobody waiting", func(s scene) int64 {
			s.db.Exec("INSERT INTO tagexec.tag_kinds VALUES ('rare')")
			id := s.db.Insert(storetest.Row{"pool": "four", "slots": 3}, storetest.Row{"pool": "four", "slots": 2, "kind": "rare"}, storetest.Row{"pool": "four"})[2]
			s.c.MustClaim(s.T, 1)
			return id
		}, `due, and waiting for its turn: 1 job runs on the 1 worker that takes such jobs`},
		{"behind a job that fits, and that only a busy executor can run", func(s scene) int64 {
			s.db.Claimer(store.Executor{Kinds: []string{"http"}, Pools: []string{"four"}})
			id := s.db.Insert(storetest.Row{"pool": "four", "slots": 2}, storetest.Row{"pool": "four", "slots": 2, "kind": "http", "tag": "first"}, storetest.Row{"pool": "four"})[2]
			s.claimed(2, 1)
			return id
		}, `due, and waiting for its turn behind job $2 \(first\), for which free slots of pool four are kept`},
		{"a job that only another batch's executor could run keeps nobody waiting", func(s scene) int64 {
			s.db.Claimer(store.Executor{Kinds: []string{"http"}, Batch: "theirs"})
			id := s.db.Insert(storetest.Row{"pool": "four", "slots": 3}, storetest.Row{"pool": "four", "slots": 2, "kind": "http", "batch": "mine"}, storetest.Row{"pool": "four"})[2]
			s.claimed(2, 2) // the last one too
			s.db.Exec("UPDATE tagexec.tag_jobs SET state = 'pending', attempt = 0 WHERE id = $1", id)
			return id
		}, `due, and waiting for its turn: 1 job runs on the 1 worker that takes such jobs`},
		{"a job that its batch's executor runs does", func(s scene) int64 {
			s.db.Claimer(store.Executor{Kinds: []string{"http"}, Batch: "theirs"})
			id := s.db.Insert(storetest.Row{"pool": "four", "slots": 3}, storetest.Row{"pool": "four", "slots": 2, "kind": "http", "batch": "theirs", "tag": "first"}, storetest.Row{"pool": "four"})[2]
			s.claimed(2, 1)
			return id
		}, `waiting behind job $2 \(first\) for 2 slots of pool four`},
		{"a job that an executor of other pools could run keeps nobody waiting", func(s scene) int64 {
			s.db.Claimer(store.Executor{Kinds: []string{"http"}, Pools: []string{"two"}})
			id := s.db.Insert(storetest.Row{"pool": "four", "slots": 3}, storetest.Row{"pool": "four", "slots": 2, "kind": "http"}, storetest.Row{"pool": "four"})[2]
			s.claimed(2, 2)
			s.db.Exec("UPDATE tagexec.tag_jobs SET state = 'pending', attempt = 0 WHERE id = $1", id)
			return id
		}, `due, and waiting for its turn: 1 job runs on the 1 worker that takes such jobs`},
		{"no executor but one of another batch", func(s scene) int64 {
			s.db.Exec("UPDATE tagexec.tag_executors SET batch = 'theirs'")
			return s.db.Insert(storetest.Row{"batch": "mine"})[0]
		}, "no live executor for kind sql and pool default but 1 bound to other batches"},
		{"no executor but one of a batch, and it has none", func(s scene) int64 {
			s.db.Exec("UPDATE tagexec.tag_executors SET batch = 'theirs'")
			return s.db.Insert(storetest.Row{})[0]
		}, "no live executor for kind sql and pool default but 1 bound to other batches"},
		{"the executor of its batch is busy", func(s scene) int64 {
			s.db.Exec("UPDATE tagexec.tag_executors SET batch = 'mine', workers = 7")
			return s.db.Insert(storetest.Row{"batch": "mine"})[0]
		}, "due, and waiting for its turn: 0 jobs run on the 7 workers that take such jobs"},
		{"mutex key busy", func(s scene) int64 {
			id := s.db.Insert(storetest.Row{"mutex_key": "m", "tag": "a"}, storetest.Row{"mutex_key": "m"})[1]
			s.c.MustClaim(s.T, 2)
			return id
		}, `mutex key m is held by job $1 \(a\)`},
		{"behind another with its mutex key", func(s scene) int64 {
			return s.db.Insert(storetest.Row{"mutex_key": "m", "tag": "low", "priority": 1}, storetest.Row{"mutex_key": "m", "tag": "high"})[0]
		}, `waiting behind job $2 \(high\), which has the same mutex key m`},
		{"not behind one with its mutex key that nobody can run", func(s scene) int64 {
			s.db.Exec("INSERT INTO tagexec.tag_kinds VALUES ('rare')")
			return s.db.Insert(storetest.Row{"mutex_key": "m", "priority": 1}, storetest.Row{"mutex_key": "m", "kind": "rare"})[0]
		}, "due, and waiting for its turn: 0 jobs run on the 1 worker that takes such jobs"},
		{"no executor for its kind", func(s scene) int64 {
			s.db.Exec("UPDATE tagexec.tag_executors SET kinds = '{http}'")
			return s.db.Insert(storetest.Row{})[0]
		}, "no live executor for kind sql and pool default"},
		{"no executor for its pool", func(s scene) int64 {
			s.db.Exec("UPDATE tagexec.tag_executors SET pools = '{default,two}'")
			return s.db.Insert(storetest.Row{"pool": "other"})[0]
		}, "no live executor for kind sql and pool other"},
		{"the kind on one executor, the pool on another", func(s scene) int64 {
			s.db.Exec("UPDATE tagexec.tag_executors SET pools = '{other}', kinds = '{http}'")
			s.db.Exec("UPDATE tagexec.tag_executors SET pools = '{two}' WHERE id = $1", s.db.Executor())
			return s.db.Insert(storetest.Row{"pool": "other"})[0]
		}, "no live executor for kind sql and pool other"},
		{"its executor stopped", func(s scene) int64 {
			if err := s.c.Stop(s.Context()); err != nil {
				s.Fatal(err)
			}
			return s.db.Insert(storetest.Row{})[0]
		}, "no live executor for kind sql and pool default"},
		{"its executor is dead", func(s scene) int64 {
			s.db.Expire(s.c.ID)
			return s.db.Insert(storetest.Row{})[0]
		}, "no live executor for kind sql and pool default"},
		{"its executor was reaped", func(s scene) int64 {
			s.db.Exec("UPDATE tagexec.tag_executors SET reaped_at = now()")
			return s.db.Insert(storetest.Row{})[0]
		}, "no live executor for kind sql and pool default"},
		{"took down executors", func(s scene) int64 {
			id := s.db.Insert(storetest.Row{})[0]
			for range 2 {
				dead := s.db.Claimer(store.Executor{})
				dead.MustClaim(s.T, 1)
				s.db.Expire(dead.ID)
				s.db.Reap()
			}
			return id
		}, "2 executors died while they ran it: it waits for one that is idle, to run alone"},
		{"took down executors, and does not fit", func(s scene) int64 {
			id := s.db.Insert(storetest.Row{"pool": "four", "slots": 3}, storetest.Row{"pool": "four", "slots": 2})[1]
			s.c.MustClaim(s.T, 1)
			s.db.Exec("UPDATE tagexec.tag_jobs SET crashes = 2 WHERE id = $1", id)
			return id
		}, "waiting for 2 slots of pool four, of which 3 of 4 are in use"},
		{"all workers are busy", func(s scene) int64 {
			s.db.Insert(storetest.Row{})
			s.c.MustClaim(s.T, 1)
			return s.db.Insert(storetest.Row{})[0]
		}, "due, and waiting for its turn: 1 job runs on the 1 worker that takes such jobs"},
		{"running", func(s scene) int64 {
			id := s.db.Insert(storetest.Row{})[0]
			s.c.MustClaim(s.T, 1)
			return id
		}, `running on test \(process 1\) since ` + at + ", until " + at + " at the latest"},
		{"asked to stop", func(s scene) int64 {
			id := s.db.Insert(storetest.Row{})[0]
			s.c.MustClaim(s.T, 1)
			s.db.Exec("SELECT tagexec.cancel_job($1)", id)
			return id
		}, `running on test \(process 1\) since ` + at + ", until " + at + " at the latest; it was asked to stop at " + at},
		{"cancelled and retried", func(s scene) int64 {
			id := s.db.Insert(storetest.Row{})[0]
			s.c.MustClaim(s.T, 1)
			s.db.Exec("SELECT tagexec.cancel_job($1)", id)
			s.db.Exec("SELECT tagexec.retry_job($1)", id)
			return id
		}, `running on test .* at the latest; it is being cancelled and then becomes pending again`},
		{"succeeded", func(s scene) int64 {
			id := s.db.Insert(storetest.Row{})[0]
			s.c.End(s.T, store.Succeeded, s.c.MustClaim(s.T, 1)...)
			return id
		}, "succeeded at " + at},
		{"failed", func(s scene) int64 {
			id := s.db.Insert(storetest.Row{})[0]
			s.c.MustRecord(s.T, store.Result{Claim: s.c.MustClaim(s.T, 1)[0].Claim, Outcome: store.Failed, Permanent: true, ErrorCode: "exit_status", Error: "it ended with 3"})
			return id
		}, "failed at " + at + `: \[exit_status\] it ended with 3`},
		{"cancelled", func(s scene) int64 {
			id := s.db.Insert(storetest.Row{})[0]
			s.db.Exec("SELECT tagexec.cancel_job($1, 'not wanted')", id)
			return id
		}, "cancelled at " + at + `: \[cancelled\] not wanted`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			s := scene{t, db, db.Claimer(store.Executor{Kinds: []string{"sql"}})}
			pools(s)
			id := tt.make(s)
			want := tt.want
			for i, job := range storetest.All[int64](db, "SELECT id FROM tagexec.tag_jobs ORDER BY id") {
				want = strings.ReplaceAll(want, fmt.Sprintf("$%d", i+1), fmt.Sprint(job))
			}
			got := storetest.One[string](db, "SELECT tagexec.explain_job($1)", id)
			if !regexp.MustCompile("^" + want + "$").MatchString(got) {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			s.agreesOnBatch(id, got)
		})
	}
}

// Whatever stands in the tables, explain_job says one sentence.
func TestExplainJobNeverRaises(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	pick := func(values ...any) any { return values[rand.IntN(len(values))] }
	db.Exec(`SET session_replication_role = replica; -- rows that no statement of ours would write
		INSERT INTO tagexec.tag_pools (pool, slots, paused) VALUES ('wide', 2147483647, false), ('none', 0, false), ('paused', 1, true), ('%s%n', 3, false);
		INSERT INTO tagexec.tag_batches (batch, expires_at) VALUES ('over', '2026-01-01'), ('later', '294276-01-01'), ('never', NULL);
		SET session_replication_role = DEFAULT`)
	for i := range 8 {
		db.Exec(`INSERT INTO tagexec.tag_executors (id, hostname, pid, version, workers, kinds, pools, lease_seconds, heartbeat_at, batch)
		         VALUES (gen_random_uuid(), $1, -1, '', $2, $3, $4, $5, $6, $7)`,
			pick("", "%s", "h"), pick(2147483647, 0, -1), pick([]string{}, []string{"sql", "http"}), pick(nil, []string{}, []string{"wide", "%s%n"}),
			pick(1e9, 1e-300, 30), []any{"infinity", "-infinity", "now"}[i%3], pick(nil, "never"))
	}
	ids := storetest.All[string](db, "SELECT id::text FROM tagexec.tag_executors")
	for range 300 {
		state := pick("pending", "pending", "running", "succeeded", "failed", "cancelled")
		row := storetest.Row{"state": state, "tag": pick("t", "%s", "'"), "kind": pick("sql", "http", "command"), "pool": pick("default", "wide", "%s%n"),
			"slots": pick(1, 2, 3), "priority": pick(0, 9), "batch": pick(nil, "over", "later", "never"), "run_at": pick("294276-01-01", "4713-01-01 BC", "now", "2026-01-01"),
			"crashes": pick(0, 2, 32767), "failures": pick(0, 2147483647), "max_attempts": pick(1, 100), "error": pick(nil, "%s"), "error_code": pick(nil, "x"),
			"attempt": pick(1, 2147483647), "executor_id": pick(any(ids[rand.IntN(len(ids))]), "00000000-0000-0000-0000-000000000000")}
		if state == "pending" {
			row["mutex_key"], row["attempt_is_past"] = pick(nil, "m", "n"), true
		}
		if state == "running" {
			row["deadline_at"], row["started_at"] = pick("infinity", "-infinity", "now"), pick("infinity", "-infinity", "now")
			row["cancel_requested_at"] = pick(nil, "now", "infinity")
		} else {
			row["finished_at"], row["started_at"] = pick("infinity", "-infinity", "now"), pick(nil, "infinity")
		}
		if row["pool"] == "wide" {
			row["slots"] = pick(2147483647, 2000000000, 1)
		}
		db.Insert(row)
	}
	db.Exec("UPDATE tagexec.tag_jobs SET pool = (ARRAY['none', 'paused', 'no longer there', pool])[1 + (random() * 3)::int]")
	for _, id := range append(storetest.All[int64](db, "SELECT id FROM tagexec.tag_jobs"), 0, -1, 1<<62) {
		got := storetest.One[*string](db, "SELECT tagexec.explain_job($1)", id)
		if got == nil || *got == "" {
			t.Errorf("nothing is said about job %d: %s", id, storetest.One[string](db, "SELECT j::text FROM tagexec.tag_jobs j WHERE id = $1", id))
		}
	}
	for _, batch := range []string{"over", "later", "never"} {
		db.Exec("INSERT INTO tagexec.tag_batches (batch) VALUES ($1) ON CONFLICT DO NOTHING", batch)
		unfinished := storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_jobs WHERE batch = $1 AND state IN ('pending', 'running')", batch)
		if told := storetest.One[int](db, "SELECT coalesce(sum(jobs), 0) FROM tagexec.explain_batch($1) WHERE detail <> '' AND example_job_id IS NOT NULL", batch); told != unfinished {
			t.Errorf("batch %s has %d unfinished jobs, and %d are explained", batch, unfinished, told)
		}
	}
	for _, rule := range []string{"attempts_recorded", "failures_counted", "failures_below_limit", "pending_is_clean", "final_is_clean", "pool_limit", "pool_exists", "executor_exists", "job_times"} {
		db.Allow(rule)
	}
}
