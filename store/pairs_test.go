package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// Every ordered pair of verbs races for one job, in every state that a job can
// be in: the second comes while the first has done its work but not committed,
// and both come while a third session holds the rows. Whatever is left must be
// what one of them after the other leaves, with the same answers; a verb that
// passes over locked rows may come again.
// After Solid Queue's ClaimedExecutionConcurrencyTest, River's rescuer against jobs completed or retried meanwhile, and Awa's test_admin_cancel_during_materialize_no_orphan_lease.
func TestPairsOfVerbsOnOneJobActAsIfOneCameAfterTheOther(t *testing.T) {
	t.Parallel()
	for _, first := range verbs {
		t.Run(first.name, func(t *testing.T) {
			t.Parallel()
			r := newContest(t)
			for _, state := range raceStates {
				if r.idle(state, first) {
					continue
				}
				for _, second := range verbs {
					r.pair(state, first, second)
				}
			}
		})
	}
}

// A claimer of a limited pool is stopped in the middle of its claim, when its
// snapshot is taken, and another one claims. If the lock of the pool were taken
// by the statement that counts, the first would count what was used before.
func TestClaimLimitedCountsAfterTheLockIsTaken(t *testing.T) {
	t.Parallel()
	for _, batch := range []string{"", "b"} {
		t.Run(fmt.Sprintf("batch %q", batch), func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 1)")
			db.Exec("ALTER TABLE tagexec.tag_pools RENAME TO all_pools")
			db.Exec(`CREATE FUNCTION pause() RETURNS boolean LANGUAGE plpgsql AS $$
				BEGIN
					IF current_setting('application_name') = 'second' AND current_query() LIKE '%: read room%' THEN
						PERFORM pg_advisory_xact_lock_shared(1);
					END IF;
					RETURN true;
				END $$`)
			db.Exec("CREATE VIEW tagexec.tag_pools AS SELECT xmin, * FROM tagexec.all_pools WHERE pause() OFFSET 0")
			db.Insert(storetest.Row{"pool": "p", "batch": "b"}, storetest.Row{"pool": "p", "batch": "b"})
			s, err := store.Open(db.URL, "second")
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			paused := db.ClaimerOn(s, store.Executor{Batch: batch})
			other := db.Claimer(store.Executor{Batch: batch})
			tx, err := db.Conn().Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(t.Context(), "SELECT pg_advisory_xact_lock(1)"); err != nil {
				t.Fatal(err)
			}
			claimed := make(chan int, 1)
			go func() {
				jobs, err := paused.ClaimAll(t.Context(), 5)
				if err != nil {
					t.Error(err)
				}
				claimed <- len(jobs)
			}()
			storetest.Eventually(t, "the claim is stopped in the middle", func() bool { return db.Waiting() == 1 })
			if jobs := other.MustClaim(t, 5); len(jobs) != 0 {
				t.Errorf("claimed %d jobs while another claimer has the lock of the pool", len(jobs))
			}
			if err := tx.Rollback(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := <-claimed; n != 1 {
				t.Errorf("the stopped claim took %d jobs, want 1", n)
			}
		})
	}
}

// Two executors claim different jobs of one key at the same moment: the second
// passes over the key, without waiting for the first to commit.
func TestClaimKeyedPassesOverAKeyThatIsJustBeingClaimed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, batch, pool string }{
		{"in an unlimited pool", "", "default"}, {"of a batch", "b", "default"}, {"in a limited pool", "", "p"}, {"of a batch in a limited pool", "b", "p"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newContest(t)
			r.db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('p', 9), ('elsewhere', NULL)")
			r.db.Insert(storetest.Row{"tag": "rival", "mutex_key": "k", "pool": "elsewhere"},
				storetest.Row{"tag": "later", "mutex_key": "k", "pool": tt.pool, "batch": "b"},
				storetest.Row{"tag": "innocent", "mutex_key": "l", "pool": tt.pool, "batch": "b"})
			for _, s := range r.sides {
				s.executor = r.db.Executor()
			}
			tx, err := r.holder.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(t.Context(), "SELECT pg_advisory_xact_lock(1)"); err != nil {
				t.Fatal(err)
			}
			claim := func(s *side, e store.Executor) chan string {
				e.Kinds = kinds
				claimed := make(chan string, 1)
				go func() {
					got, err := store.SessionOf(s.store, s.executor, e).Claim(t.Context(), 5)
					if err != nil {
						t.Error(err)
					}
					claimed <- tags(got.Jobs)
				}()
				r.waits(s.name, func() bool { return len(claimed) > 0 })
				return claimed
			}
			first := claim(r.sides[0], store.Executor{Pools: []string{"elsewhere"}})
			second := claim(r.sides[1], store.Executor{Pools: []string{tt.pool}, Batch: tt.batch})
			if len(second) == 0 {
				t.Error("the second claim waits for the first")
			}
			if err := tx.Rollback(t.Context()); err != nil {
				t.Fatal(err)
			}
			if a, b := <-first, <-second; a != "[rival]" || b != "[innocent]" {
				t.Errorf("claimed %s and %s", a, b)
			}
		})
	}
}

// side is one of the two that race.
type side struct {
	t         *testing.T
	name      string
	store     *store.Store
	sql       *pgxpool.Pool
	executor  uuid.UUID // it claims for
	succeeded bool      // what it records
}

// raceCase is what the two race for.
type raceCase struct {
	batch string
	id    int64
	claim store.Claim // of the holder, whose lease is over
}

type verb struct {
	name string
	// do returns the answer, and whether the verb passed over locked rows and comes again.
	do func(s *side, c raceCase) (answer string, again bool)
}

var verbs = []verb{
	{"claim", func(s *side, c raceCase) (string, bool) {
		got, err := store.SessionOf(s.store, s.executor, store.Executor{Kinds: kinds}).Claim(s.t.Context(), 1)
		return s.answer(err, "claimed %d", len(got.Jobs)), len(got.Jobs) == 0
	}},
	{"record", func(s *side, c raceCase) (string, bool) {
		result := store.Result{Claim: c.claim, Outcome: store.Failed}
		if s.succeeded {
			result.Outcome = store.Succeeded
		}
		fates, err := s.store.Record(s.t.Context(), []store.Result{result})
		return s.answer(err, "%s", fates[0]), fates[0] == store.Locked
	}},
	{"cancel_job", func(s *side, c raceCase) (string, bool) { return s.call("cancel_job($1)", c.id), false }},
	{"cancel_batch", func(s *side, c raceCase) (string, bool) { return s.call("cancel_batch($1)", c.batch), false }},
	{"retry_job", func(s *side, c raceCase) (string, bool) { return s.call("retry_job($1)", c.id), false }},
	{"retry_batch", func(s *side, c raceCase) (string, bool) { return s.call("retry_batch($1)", c.batch), false }},
	{"retry_batch all", func(s *side, c raceCase) (string, bool) { return s.call("retry_batch($1, 'all')", c.batch), false }},
	{"submit_jobs", func(s *side, c raceCase) (string, bool) {
		return s.call(`submit_jobs($1, '[{"tag": "t", "dedupe_key": "d"}]', '{}', 'rerun_all') - 'batch'`, c.batch), false
	}},
	{"insert", func(s *side, c raceCase) (string, bool) {
		tag, err := s.sql.Exec(s.t.Context(), `INSERT INTO tagexec.tag_jobs (tag, batch, dedupe_key) VALUES ('t', $1, 'd') ON CONFLICT DO NOTHING`, c.batch)
		return s.answer(err, "%s", tag), false
	}},
	{"reap", func(s *side, c raceCase) (string, bool) {
		if _, err := s.store.Reap(s.t.Context(), 0); err != nil { // looks
			return s.answer(err, "look"), false
		}
		reaped, err := s.store.Reap(s.t.Context(), time.Hour)
		return s.answer(err, "%d executors %d jobs", len(reaped.Executors), reaped.Jobs), reaped.Jobs == 0
	}},
	{"heartbeat", func(s *side, c raceCase) (string, bool) {
		_, err := store.SessionOf(s.store, c.claim.Executor, store.Executor{}).Heartbeat(s.t.Context())
		if errors.Is(err, store.ErrReaped) {
			return "reaped", false
		}
		return s.answer(err, "renewed"), false
	}},
	{"prune", func(s *side, c raceCase) (string, bool) {
		pruned, err := s.store.Prune(s.t.Context(), 0, 0)
		return s.answer(err, "%d jobs", pruned.Jobs), pruned.Jobs == 0 // batches go in a later transaction, if they still may
	}},
}

func (s *side) answer(err error, format string, args ...any) string {
	if err != nil {
		s.t.Errorf("%s: %v", s.name, err)
		return err.Error()
	}
	return fmt.Sprintf(format, args...)
}

func (s *side) call(function string, args ...any) string {
	var answer any
	if err := s.sql.QueryRow(s.t.Context(), "SELECT tagexec."+function, args...).Scan(&answer); err != nil {
		if sqlState(err) == "P0002" { // no batch any more: nothing was done
			return "0"
		}
		return s.answer(err, "")
	}
	return fmt.Sprint(answer)
}

// States a job can be in: each makes the one before it, and goes on.
var raceStates = []string{"pending", "running", "stopping", "resubmitting", "failed", "succeeded", "gone"}

type contest struct {
	t      *testing.T
	db     *storetest.DB
	sides  [2]*side
	holder *pgx.Conn
	cases  int
}

// idle tells whether the verb alone leaves a job in the state as it is: then it
// holds nothing that another one could meet.
func (r *contest) idle(state string, v verb) bool {
	nothing := r.in(state, func(raceCase) (none [2]string) { return none })
	alone := r.in(state, func(c raceCase) (none [2]string) { v.do(r.sides[0], c); return none })
	return alone == nothing
}

// newContest makes a database in which what the first side does is not committed
// as long as somebody holds the advisory lock 1.
func newContest(t *testing.T) *contest {
	db := storetest.New(t)
	db.Exec(`CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			IF current_setting('application_name') LIKE 'first%' THEN
				PERFORM pg_advisory_xact_lock_shared(1);
			END IF;
			RETURN NULL;
		END $$`)
	db.Exec("CREATE FUNCTION lock_jobs() RETURNS SETOF bigint LANGUAGE sql AS 'SELECT id FROM tagexec.tag_jobs FOR UPDATE'")
	for _, table := range []string{"tag_jobs", "tag_executors", "tag_batches"} {
		db.Exec("CREATE CONSTRAINT TRIGGER hold AFTER INSERT OR UPDATE OR DELETE ON tagexec." + table +
			" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold()")
	}
	r := &contest{t: t, db: db, holder: db.Conn()}
	for i, name := range []string{"first", "second"} {
		s, err := store.Open(db.URL, name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		sql, err := pgxpool.New(t.Context(), db.URL+"&application_name="+name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(sql.Close)
		r.sides[i] = &side{t: t, name: name, store: s, sql: sql, succeeded: i == 0}
	}
	return r
}

// pair lets first and second race in all ways.
func (r *contest) pair(state string, first, second verb) {
	one := r.in(state, func(c raceCase) [2]string {
		a, _ := first.do(r.sides[0], c)
		b, _ := second.do(r.sides[1], c)
		return [2]string{a, b}
	})
	turned := sync.OnceValue(func() string {
		return r.in(state, func(c raceCase) [2]string {
			b, _ := second.do(r.sides[1], c)
			a, _ := first.do(r.sides[0], c)
			return [2]string{a, b}
		})
	})
	for how, lock := range map[string]string{
		"the first not committed yet": "SELECT pg_advisory_xact_lock(1)",
		"both behind a lock":          "SELECT FROM tagexec.tag_executors e LEFT JOIN LATERAL lock_jobs() ON true WHERE e.hostname = 'holder' FOR UPDATE OF e",
	} {
		got := r.in(state, func(c raceCase) [2]string { return r.race(c, first, second, lock) })
		if got != one && got != turned() {
			r.t.Errorf("%s, then %s, on a job that is %s, %s:\n%s\nserially either\n%s\nor\n%s", first.name, second.name, state, how, got, one, turned())
		}
	}
}

// in makes a job in the state, lets do act on it, and returns the answers and
// what is left.
func (r *contest) in(state string, do func(raceCase) [2]string) string {
	r.t.Helper()
	r.cases++
	ctx, s := r.t.Context(), r.sides[1]
	c := raceCase{batch: fmt.Sprint("batch ", r.cases)}
	holder := uuid.New()
	r.sides[0].executor, r.sides[1].executor = uuid.New(), uuid.New()
	r.db.Exec(`INSERT INTO tagexec.tag_executors (id, hostname, pid, version, workers, kinds, lease_seconds)
		VALUES ($1, 'holder', 1, '', 1, '{}', 1e-9), ($2, 'first', 1, '', 1, '{}', 5), ($3, 'second', 1, '', 1, '{}', 5)`,
		holder, r.sides[0].executor, r.sides[1].executor)
	c.id = r.db.Insert(storetest.Row{"batch": c.batch, "dedupe_key": "d"})[0]
	if state != "pending" {
		got, err := store.SessionOf(s.store, holder, store.Executor{Kinds: kinds}).Claim(ctx, 1)
		if err != nil || len(got.Jobs) != 1 {
			r.t.Fatalf("claimed %d: %v", len(got.Jobs), err)
		}
	}
	c.claim = store.Claim{ID: c.id, Attempt: 1, Executor: holder}
	// Long ago, so that what a reap leaves to the next is old enough for it.
	r.db.Exec(`UPDATE tagexec.tag_jobs SET created_at = created_at - interval '1 h', run_at = run_at - interval '1 h', started_at = started_at - interval '1 h'`)
	r.db.Exec("UPDATE tagexec.tag_executors SET heartbeat_at = now() - interval '1 h' WHERE id = $1", holder)
	switch state {
	case "stopping":
		s.call("cancel_job($1)", c.id)
	case "resubmitting":
		s.call("cancel_job($1)", c.id)
		s.call("retry_job($1)", c.id)
	case "succeeded", "failed", "gone":
		result := store.Result{Claim: c.claim, Outcome: store.Failed, Permanent: true}
		if state == "succeeded" {
			result.Outcome = store.Succeeded
		}
		if fates, err := s.store.Record(ctx, []store.Result{result}); err != nil || fates[0] != store.Applied {
			r.t.Fatal(fates, err)
		}
	}
	if state == "gone" { // its batch is not
		r.db.Exec("DELETE FROM tagexec.tag_past_attempts")
		r.db.Exec("DELETE FROM tagexec.tag_jobs")
	}
	answers := do(c)
	left := storetest.One[string](r.db, `SELECT concat_ws(E'\n', (SELECT string_agg(concat_ws(' ', 'job', j.state, j.attempt, 'failures', j.failures, 'crashes', j.crashes,
			'cancel', j.cancel_requested_at IS NOT NULL, 'retry', j.retry_request IS NOT NULL, j.error_code, 'of', e.hostname), ';')
		  FROM tagexec.tag_jobs j LEFT JOIN tagexec.tag_executors e ON e.id = j.executor_id),
		(SELECT string_agg(concat_ws(' ', 'attempt', a.attempt, a.outcome, 'of', e.hostname), '; ' ORDER BY a.attempt)
		  FROM tagexec.tag_job_attempts a LEFT JOIN tagexec.tag_executors e ON e.id = a.executor_id),
		(SELECT 'reaped: ' || string_agg(hostname, ' ' ORDER BY hostname) FROM tagexec.tag_executors WHERE reaped_at IS NOT NULL),
		'batches: ' || (SELECT count(*) FROM tagexec.tag_batches))`)
	storetest.CheckInvariants(r.t, r.db)
	r.db.Exec("DELETE FROM tagexec.tag_past_attempts; DELETE FROM tagexec.tag_jobs; DELETE FROM tagexec.tag_batches; DELETE FROM tagexec.tag_executors")
	return strings.Join(answers[:], " | ") + "\n" + left
}

// race starts first, then second while the first waits, and lets them go. Lock
// is what a third session holds meanwhile.
func (r *contest) race(c raceCase, first, second verb, lock string) [2]string {
	ctx := r.t.Context()
	tx, err := r.holder.Begin(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, lock); err != nil {
		r.t.Fatal(err)
	}
	type ended struct {
		answer string
		again  bool
	}
	var done [2]chan ended
	for i, v := range []verb{first, second} {
		done[i] = make(chan ended, 1)
		go func() {
			answer, again := v.do(r.sides[i], c)
			done[i] <- ended{answer, again}
		}()
		r.waits(r.sides[i].name, func() bool { return len(done[i]) > 0 })
	}
	if err := tx.Rollback(ctx); err != nil {
		r.t.Fatal(err)
	}
	var answers [2]string
	ends := [2]ended{<-done[0], <-done[1]}
	for i, v := range []verb{first, second} {
		answers[i] = ends[i].answer
		if ends[i].again {
			answer, _ := v.do(r.sides[i], c)
			answers[i] = merge(ends[i].answer, answer)
		}
	}
	return answers
}

// merge adds up the answers of a reap that left a locked job to the next one.
func merge(a, b string) string {
	var x, y, n, m int
	if _, err := fmt.Sscanf(a, "%d executors %d jobs", &x, &y); err != nil {
		return b
	}
	if _, err := fmt.Sscanf(b, "%d executors %d jobs", &n, &m); err != nil {
		return b
	}
	return fmt.Sprintf("%d executors %d jobs", x+n, y+m)
}

// waits returns when a session of that name waits for a lock, or done is true.
func (r *contest) waits(name string, done func() bool) {
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	for !done() {
		var waits bool
		err := r.db.Pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_stat_activity
			WHERE datname = current_database() AND application_name LIKE $1 || '%' AND wait_event_type = 'Lock')`, name).Scan(&waits)
		if err != nil {
			r.t.Fatal(err)
		}
		if waits {
			return
		}
	}
}
