package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

func prune(t *testing.T, s *store.Store, age time.Duration) store.Pruned {
	t.Helper()
	pruned, err := s.Prune(t.Context(), age, age)
	if err != nil {
		t.Fatal(err)
	}
	return pruned
}

// past inserts n jobs, each of which has succeeded so long ago, at its second attempt.
func past(db *storetest.DB, n int, ago time.Duration, batch string) {
	db.Exec(`
WITH jobs AS (
    INSERT INTO tagexec.tag_jobs (tag, batch, state, attempt, attempt_is_past, executor_id, created_at, run_at, started_at, finished_at)
    SELECT 't', nullif($3, ''), 'succeeded', 2, true, gen_random_uuid(), now() - $2::interval, now() - $2::interval, now() - $2::interval, now() - $2::interval
      FROM generate_series(1, $1::int)
 RETURNING *
)
INSERT INTO tagexec.tag_past_attempts (job_id, attempt, executor_id, hostname, queued_at, started_at, finished_at, outcome, tag, batch)
SELECT id, a.attempt, executor_id, '', created_at, started_at, finished_at, a.outcome, tag, batch
  FROM jobs CROSS JOIN (VALUES (1, 'interrupted'), (2, 'succeeded')) a (attempt, outcome)`, n, ago, batch)
	db.Exec("UPDATE tagexec.tag_batches SET created_at = now() - $1::interval WHERE batch = $2", ago, batch)
}

func TestPruneDeletesWhatIsOldAndFinalHoweverMuchThatIs(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	const old, many = 48 * time.Hour, 4321 // more than two steps
	c := db.Claimer(store.Executor{})
	db.Insert(storetest.Row{"batch": "runs"})
	c.MustClaim(t, 1)
	db.Insert(storetest.Row{"batch": "waits"})
	db.Exec("UPDATE tagexec.tag_jobs SET created_at = now() - interval '30 days'")
	past(db, many, old, "old")
	past(db, many, old, "")
	past(db, 3, 23*time.Hour, "young")
	db.Exec("UPDATE tagexec.tag_jobs SET created_at = now() - interval '30 days' WHERE batch = 'young'") // and waited for long
	db.Exec(`INSERT INTO tagexec.tag_batches (batch, created_at, due_at)
	         SELECT 'empty ' || i, now() - interval '2 days', now() - interval '2 days' FROM generate_series(1, 1234) i
	         UNION ALL
	         VALUES ('due', now() - interval '2 days', now() + interval '1 hour'), ('fresh', now(), NULL)`)
	db.Exec("UPDATE tagexec.tag_batches SET created_at = now() - interval '30 days' WHERE batch IN ('runs', 'waits', 'young')")
	s := db.Store()
	storetest.Check(t, "pruned", prune(t, s, 24*time.Hour), store.Pruned{Jobs: 2 * many, Batches: 1234 + 1})
	storetest.Check(t, "pruned again", prune(t, s, 24*time.Hour), store.Pruned{})
	storetest.Check(t, "batches", storetest.All[string](db, "SELECT batch FROM tagexec.tag_batches ORDER BY 1"), "[due fresh runs waits young]")
	storetest.Check(t, "jobs", storetest.All[string](db, "SELECT concat_ws(' ', batch, state, count(*)) FROM tagexec.tag_jobs GROUP BY batch, state ORDER BY 1"), "[runs running 1 waits pending 1 young succeeded 3]")
	storetest.Check(t, "attempts", storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_job_attempts"), 6)
}

// The server's clock was ahead while the first jobs were inserted: some have a
// time that is still to come, others one that has come meanwhile.
func TestPruneIsNotBlockedByJobsOfTheFuture(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{"still to come": -8 * time.Hour, "young": time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			const old = 48 * time.Hour
			past(db, 2100, ahead, "") // more than one step
			past(db, 5, old, "")
			past(db, 2100, ahead, "")
			past(db, 3000, old, "")
			storetest.Check(t, "pruned", prune(t, db.Store(), 24*time.Hour), store.Pruned{Jobs: 3005})
		})
	}
}

// Producers of every isolation level insert under a few keys, whose jobs end and
// are pruned with their batches all the time.
func TestPruneLeavesNoJobWithoutItsBatch(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	stores := []*store.Store{db.Store(), db.Store()}
	levels := []pgx.TxIsoLevel{pgx.ReadCommitted, pgx.ReadCommitted, pgx.RepeatableRead, pgx.Serializable}
	working, stop := context.WithCancel(t.Context())
	var producers, pruners errgroup.Group
	for _, level := range levels {
		conn := db.Conn()
		producers.Go(func() error {
			for range 150 {
				err := pgx.BeginTxFunc(t.Context(), conn, pgx.TxOptions{IsoLevel: level}, func(tx pgx.Tx) error {
					for first := rand.IntN(4); first < 4; first += 2 { // new keys in order: else two producers would deadlock
						if _, err := tx.Exec(t.Context(), "INSERT INTO tagexec.tag_jobs (tag, batch) SELECT 't', 'b' || i FROM generate_series($1::int, $1 + 1) i", first); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil && (sqlState(err) != "40001" || level == pgx.ReadCommitted) {
					return fmt.Errorf("%s: %w", level, err)
				}
				if _, err := conn.Exec(t.Context(), "SELECT tagexec.cancel_batch('b' || i) FROM generate_series(0, 4) i"); err != nil {
					return err
				}
			}
			return nil
		})
	}
	total := make([]store.Pruned, len(stores))
	for i, s := range stores {
		pruners.Go(func() error {
			for working.Err() == nil {
				pruned, err := s.Prune(t.Context(), 0, 0)
				if err != nil {
					return err
				}
				total[i].Jobs += pruned.Jobs
				total[i].Batches += pruned.Batches
				storetest.CheckInvariants(t, db)
			}
			return nil
		})
	}
	err := producers.Wait()
	stop()
	if err := errors.Join(err, pruners.Wait()); err != nil {
		t.Fatal(err)
	}
	if total[0].Batches+total[1].Batches < 20 {
		t.Errorf("too little happened: %+v", total)
	}
	t.Logf("pruned %+v", total)
}

// A transaction that began before a batch was pruned sees it for ever; it must
// not rely on that.
func TestPruneOfABatchFailsAnInsertWithAnOldSnapshot(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_batches (batch) VALUES ('b')")
	for _, want := range []string{"40001", ""} {
		tx, err := db.Conn().BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), "SELECT FROM tagexec.tag_batches"); err != nil {
			t.Fatal(err)
		}
		prune(t, db.Store(), 0)
		_, err = tx.Exec(t.Context(), "INSERT INTO tagexec.tag_jobs (tag, batch) VALUES ('t', 'b')")
		storetest.Check(t, "SQLSTATE", sqlState(err), want)
		if err == nil {
			err = tx.Commit(t.Context())
		} else {
			err = tx.Rollback(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// An insert that stays open keeps batches from being pruned, but nobody waiting:
// neither prune, nor other inserts, and claims least of all.
func TestPruneGivesUpOnBatchesWhileAnInsertIsOpen(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_batches (batch) VALUES ('b'), ('empty')")
	past(db, 1, time.Hour, "")
	tx, err := db.Conn().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "INSERT INTO tagexec.tag_jobs (tag, batch) VALUES ('t', 'b')"); err != nil {
		t.Fatal(err)
	}
	pruned := make(chan store.Pruned)
	s := db.Store()
	go func() { pruned <- prune(t, s, 0) }()
	storetest.Eventually(t, "prune waits", func() bool { return db.Waiting() == 1 })
	began := time.Now()
	db.Insert(storetest.Row{"batch": "c"})
	t.Logf("an insert took %s", time.Since(began))
	storetest.Check(t, "claimed", len(db.Claimer(store.Executor{}).MustClaim(t, 1)), 1)
	storetest.Check(t, "pruned", <-pruned, store.Pruned{Jobs: 1})
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	storetest.Check(t, "pruned", prune(t, s, 0), store.Pruned{Batches: 1})
	storetest.Check(t, "batches", storetest.All[string](db, "SELECT batch FROM tagexec.tag_batches ORDER BY 1"), "[b c]")
}

// A row that Postgres refuses to delete keeps no other from being pruned.
func TestPruneGoesOnWithoutAJobThatCannotBeDeleted(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	past(db, 3000, 48*time.Hour, "")
	past(db, 5, 48*time.Hour, "old")
	kept := storetest.All[int64](db, "UPDATE tagexec.tag_jobs SET tag = 'bad' WHERE id % 1000 = 7 RETURNING id")
	db.Exec(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'tag % is not for sale', OLD.tag; END $$`)
	db.Exec("CREATE TRIGGER refuse BEFORE DELETE ON tagexec.tag_jobs FOR EACH ROW WHEN (OLD.tag = 'bad') EXECUTE FUNCTION refuse()")
	pruned, err := db.Store().Prune(t.Context(), 24*time.Hour, 24*time.Hour)
	if want := fmt.Sprintf("prune jobs: job %d cannot be deleted: ", slices.Min(kept)); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s…", err, want)
	}
	storetest.Check(t, "pruned", pruned, store.Pruned{Jobs: 3005 - int64(len(kept)), Batches: 1})
	storetest.Check(t, "left", storetest.All[int64](db, "SELECT id FROM tagexec.tag_jobs ORDER BY id"), kept)
}

func TestPruneTakesEndedExecutorsAndLeavesTheOthers(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	const old = "now() - interval '3 d'"
	for i, row := range []string{"stopped_at = " + old, "reaped_at = " + old, "stopped_at = now()", "heartbeat_at = heartbeat_at", "stopped_at = " + old} {
		id := db.Executor()
		db.Exec(fmt.Sprintf("UPDATE tagexec.tag_executors SET started_at = now() - interval '4 d', version = 'v%d', %s WHERE id = $1", i, row), id)
		if i == 4 { // whatever made it so
			db.Allow("executor_ended")
			db.Insert(storetest.Row{"state": "running", "attempt": 1, "executor_id": id, "started_at": time.Now(), "deadline_at": time.Now().Add(time.Hour)})
		}
	}
	storetest.Check(t, "pruned", prune(t, db.Store(), 48*time.Hour), store.Pruned{Executors: 2})
	storetest.Check(t, "pruned again", prune(t, db.Store(), 48*time.Hour), store.Pruned{})
	storetest.Check(t, "left", storetest.All[string](db, "SELECT version FROM tagexec.tag_executors WHERE version LIKE 'v%' ORDER BY 1"), "[v2 v3 v4]")
}

func TestPruneActionsIsForTheOwner(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_operator_actions (at, action) SELECT now() - i * interval '1 d', 'a' || i FROM generate_series(0, 4) i")
	db.Exec("INSERT INTO tagexec.tag_operator_actions (at, action) SELECT now() - interval '9 d', 'many' FROM generate_series(1, 4500)")
	s := db.Store()
	n, err := s.PruneActions(t.Context(), 60*time.Hour)
	storetest.Check(t, "pruned", fmt.Sprint(n, " ", err), "4502 <nil>")
	storetest.Check(t, "left", storetest.All[string](db, "SELECT action FROM tagexec.tag_operator_actions ORDER BY 1"), "[a0 a1 a2]")
	if _, err := db.Pool.Exec(t.Context(), "DELETE FROM tagexec.tag_operator_actions"); sqlState(err) != "23001" {
		t.Errorf("actions were deleted by hand: %v", err)
	}
	for _, group := range []string{"tagexec_operator", "tagexec_executor"} {
		_, url := db.Login(group)
		s, err := store.Open(url, "test")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.PruneActions(t.Context(), time.Hour); sqlState(err) != "42501" || !strings.Contains(err.Error(), "only the owner of schema tagexec") {
			t.Errorf("%s: %v", group, err)
		}
		s.Close()
	}
}

// Attempts stay, with what their job was, until they are old themselves.
func TestPruneKeepsAttemptsThatMayOutliveTheirJobs(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	const day = 24 * time.Hour
	past(db, 3, 30*day, "older")
	past(db, 2500, 10*day, "old")                                                                     // more than one step; two attempts each
	db.Exec("UPDATE tagexec.tag_jobs SET attempt = 1, attempt_is_past = false WHERE batch = 'older'") // it shows its first attempt
	db.Exec("DELETE FROM tagexec.tag_past_attempts WHERE batch = 'older'")
	s := db.Store()
	prune := func(attempts time.Duration) store.Pruned {
		pruned, err := s.Prune(t.Context(), 5*day, attempts)
		if err != nil {
			t.Fatal(err)
		}
		return pruned
	}
	count := func() string {
		return fmt.Sprint(storetest.All[string](db, "SELECT concat_ws(' ', batch, tag, outcome, count(*)) FROM tagreport.attempts GROUP BY batch, tag, outcome ORDER BY 1"))
	}
	before := count()
	storetest.Check(t, "pruned", prune(60*day), store.Pruned{Jobs: 2503, Batches: 2})
	storetest.Check(t, "attempts", count(), before)
	storetest.Check(t, "pruned later", prune(20*day), store.Pruned{Attempts: 3})
	storetest.Check(t, "pruned at last", prune(5*day), store.Pruned{Attempts: 5000})
	storetest.Check(t, "attempts at last", count(), "[]")
	past(db, 4, 10*day, "again")
	storetest.Check(t, "pruned with their jobs", prune(5*day), store.Pruned{Jobs: 4, Batches: 1})
	storetest.Check(t, "attempts with their jobs", count(), "[]")
}
