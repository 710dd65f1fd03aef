package migrations_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// Everything that serve and run do, under a login that is only an executor.
func TestRolesLetAnExecutorDoAllItsVerbs(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	_, u := db.Login("tagexec_executor")
	producer := db.Store()
	s, err := store.Open(u, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.CheckSchema(ctx))
	db.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('four', 4)")
	register := func(batch string) *storetest.Claimer {
		return db.ClaimerOn(s, store.Executor{Kinds: []string{"sql", "mine"}, Batch: batch})
	}
	claim := func(c *storetest.Claimer, want int) []store.Job {
		t.Helper()
		jobs := c.MustClaim(t, 10)
		if len(jobs) < want {
			suspects, err := c.ClaimSuspect(ctx)
			must(err)
			jobs = append(jobs, suspects...)
		}
		storetest.Check(t, "claimed", len(jobs), want)
		return jobs
	}
	record := func(outcome store.Outcome, jobs ...store.Job) {
		t.Helper()
		var results []store.Result
		for _, j := range jobs {
			results = append(results, store.Result{Claim: j.Claim, Outcome: outcome, Output: "o", Value: json.RawMessage("{}")})
		}
		fates, err := s.Record(ctx, results)
		must(err)
		for _, fate := range fates {
			storetest.Check(t, "fate", fate, store.Applied)
		}
	}
	every := []storetest.Row{{"kind": "mine"}, {"mutex_key": "a"}, {"pool": "four", "slots": 2}, {"pool": "four", "mutex_key": "b"}, {"tag": "suspect", "mutex_key": "c"}}
	for _, batch := range []string{"", "b"} {
		c := register(batch)
		_, err := c.Heartbeat(ctx)
		must(err)
		for i := range every {
			if batch != "" {
				every[i]["batch"] = batch
			}
		}
		db.Insert(every...)
		db.Exec("UPDATE tagexec.tag_jobs SET crashes = 2 WHERE tag = 'suspect'")
		jobs := claim(c, 5)
		running, err := c.Running(ctx)
		must(err)
		storetest.Check(t, "running", len(running), 5)
		record(store.Failed, jobs[0])
		record(store.Succeeded, jobs[1:]...)
	}
	counts, err := s.BatchCounts(ctx, "b")
	must(err)
	storetest.Check(t, "counts", counts, store.Counts{Total: 5, Succeeded: 4, Pending: 1})
	_, err = s.BatchProblems(ctx, "b", 10)
	must(err)
	db.Exec("DELETE FROM tagexec.tag_jobs")

	// A cancelled job takes the payload of its resubmission, which the executor itself cannot write.
	c := register("")
	for _, lost := range []bool{false, true} {
		batch := fmt.Sprint("again ", lost)
		_, err = producer.Submit(ctx, batch, json.RawMessage(`[{"tag": "t", "payload": {"n": 1}}]`), nil, "rerun_all")
		must(err)
		job := claim(c, 1)[0]
		db.Exec("SELECT tagexec.cancel_batch($1)", batch)
		_, err = producer.Submit(ctx, batch, json.RawMessage(`[{"tag": "t", "payload": {"n": 2}}]`), nil, "rerun_all")
		must(err)
		if lost {
			db.Expire(c.ID)
			storetest.Check(t, "reaped", storetest.ReapOn(t, s).Jobs, 1)
			c = register("")
		} else {
			record(store.Cancelled, job)
		}
		storetest.Check(t, "the job", storetest.One[string](db, "SELECT concat_ws(' ', state, payload, retry_request) FROM tagexec.tag_jobs WHERE batch = $1", batch), `pending {"n": 2}`)
		record(store.Succeeded, claim(c, 1)...)
	}

	// What it cannot use, and no other executor.
	db.Exec("UPDATE tagexec.tag_executors SET stopped_at = now() WHERE id <> $1", c.ID)
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, timeout_seconds) VALUES ('t', 1)`)
	job := claim(c, 1)[0]
	_, err = s.Record(ctx, []store.Result{{Claim: job.Claim, Outcome: store.Interrupted, ErrorCode: "unavailable", Error: "away"}})
	must(err)
	db.Exec(`UPDATE tagexec.tag_jobs SET run_at = now() - interval '1 h', created_at = now() - interval '1 h', unavailable_since = now() - interval '1 h' WHERE id = $1`, job.ID)
	c.Avoid([]store.Unavailable{{Kind: "sql", Resource: store.Resource{Name: "all"}, Since: time.Now().Add(-time.Hour), Error: "away"}})
	_, err = c.Heartbeat(ctx)
	must(err)
	n, err := c.GiveUp(ctx)
	must(err)
	storetest.Check(t, "jobs given up", n, 1)
	storetest.Check(t, "the job", db.State(job.ID), "failed")

	_, err = producer.Submit(ctx, "over", json.RawMessage(`[{"tag": "t"}]`), json.RawMessage(`{"expires_at": "2026-01-01T00:00:00Z"}`), "attach")
	must(err)
	expired, err := s.ExpireBatches(ctx)
	must(err)
	storetest.Check(t, "expired", expired.Batches, 1)
	must(c.Stop(ctx))
	if _, err := s.Submit(ctx, "b", json.RawMessage(`[]`), nil, "attach"); storetest.PgError(t, err).Code != "42501" || !strings.Contains(err.Error(), "GRANT tagexec_producer") {
		t.Errorf("submit: %v", err)
	}
	if _, err := s.Prune(ctx, 59*time.Minute, time.Hour); storetest.PgError(t, err).Code != "42501" || !strings.Contains(err.Error(), "older than an hour") {
		t.Errorf("prune: %v", err)
	}
	mayNot(t, storetest.Dial(t, u), "SELECT tagexec.prune_jobs('-12 months 361 days', 0, 100)", "SELECT tagexec.prune_batches('-12 months 361 days', '')") // in four days, and an interval of more than an hour
	db.Exec("UPDATE tagexec.tag_jobs SET created_at = now() - interval '2 h', finished_at = now() - interval '2 h' WHERE state <> 'pending'")
	db.Exec("UPDATE tagexec.tag_batches SET created_at = now() - interval '2 h'")
	pruned, err := s.Prune(ctx, time.Hour, time.Hour)
	must(err)
	if pruned.Jobs < 3 || pruned.Batches < 2 {
		t.Errorf("pruned %+v", pruned)
	}

	conn := storetest.Dial(t, u)
	mayNot(t, conn, neverPermitted...)
	mayNot(t, conn, "INSERT INTO tagexec.tag_jobs (tag) VALUES ('t')", "UPDATE tagexec.tag_pools SET slots = 1", "UPDATE tagexec.tag_pools SET paused = true",
		"UPDATE tagexec.tag_jobs SET pool = 'default'", "UPDATE tagexec.tag_jobs SET priority = 9", "UPDATE tagexec.tag_jobs SET batch = 'x'", "UPDATE tagexec.tag_jobs SET kind = 'sql'",
		"SET ROLE tagexec_operator")
	mayNot(t, conn, functionsBut(db, "batch_settled", "assert_batch_ok", "resubmit_cancelled", "expire_batches", "write_minutes", "prune_jobs", "prune_attempts", "prune_batches", "prune_executors", "is_of_row", "try_jobs", "isolate_jobs",
		"unreadable_jobs", "isolate_unreadable_jobs", "append_live_output", "forget_live_output", "explain_job", "explain_batch", "state_of_unwritable_job")...)
	may(t, conn, "SELECT tagexec.explain_job(0)", "there is no job 0")
	may(t, conn, "SELECT count(*)::text FROM tagreport.jobs WHERE unavailable_since IS NULL", storetest.One[string](db, "SELECT count(*)::text FROM tagexec.tag_jobs WHERE unavailable_since IS NULL"))
	may(t, conn, "SELECT tagexec.resubmit_cancelled(array_agg(id))::text FROM tagexec.tag_jobs", "0") // without a request it does nothing
}

// A SQL job runs under its source's login, which is nobody to the queue.
func TestRolesLetASQLJobNeitherReadTheQueueNorBecomeTheExecutor(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	executorLogin, executorURL := db.Login("tagexec_executor")
	storetest.Dial(t, executorURL)
	name, u := db.Login("")
	sql, err := runner.NewSQL(t.Context(), map[string]string{"source": u}, runner.SQLOptions{PoolSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sql.Close)
	run := func(statements ...string) (string, error) {
		list := make([]object, len(statements))
		for i, s := range statements {
			list[i] = object{"statement": s}
		}
		out, err := sql.Run(t.Context(), &store.Job{Kind: "sql", Payload: storetest.JSON(object{"statements": list})})
		return string(out.Value), err
	}
	itself := func(when string) {
		t.Helper()
		who, err := run("SELECT session_user AS login, current_user AS role")
		if want := fmt.Sprintf(`{"login":"%s","role":"%[1]s"}`, name); err != nil || who != want {
			t.Fatalf("%s it is %s, %v; want %s", when, who, err, want)
		}
	}
	itself("at first")
	attacks := [][]string{
		{"SELECT * FROM tagexec.tag_jobs"}, {"INSERT INTO tagexec.tag_jobs (tag) VALUES ('t')"}, {"DELETE FROM tagexec.tag_jobs"},
		{`SELECT tagexec.submit_jobs('b', '[{"tag": "t"}]')`}, {"SELECT tagexec.cancel_job(1)"},
		{"DO $$ BEGIN EXECUTE 'COMMIT'; PERFORM FROM tagexec.tag_jobs; END $$"}, {"DO $$ BEGIN COMMIT; SET ROLE tagexec_executor; END $$"},
		{"SELECT pg_read_file('/etc/passwd')"}, {"COPY (SELECT 1) TO PROGRAM 'cat'"}, {"CREATE ROLE mine SUPERUSER"}, {"CREATE EXTENSION dblink"},
		{"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '" + executorLogin + "'"},
	}
	for _, role := range []string{executorLogin, "tagexec_executor", "tagexec_operator", "postgres"} {
		attacks = append(attacks,
			[]string{"SET ROLE " + role}, []string{"SET LOCAL ROLE " + role, "SELECT * FROM tagexec.tag_jobs"},
			[]string{"SELECT set_config('role', '" + role + "', false)"}, []string{"SELECT set_config('role', '" + role + "', true)"},
			[]string{"SET SESSION AUTHORIZATION " + role}, []string{"SELECT set_config('session_authorization', '" + role + "', false)"},
			[]string{"GRANT " + role + " TO current_user"})
	}
	for _, reset := range []string{"RESET ROLE", "RESET SESSION AUTHORIZATION", "SET ROLE NONE", "SELECT set_config('role', 'none', false)"} {
		attacks = append(attacks, []string{reset, "SELECT * FROM tagexec.tag_jobs"})
	}
	for _, relation := range storetest.All[string](db, "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'v', 'm', 'p', 'S') AND relnamespace::regnamespace::text IN ('tagexec', 'tagreport') ORDER BY 1") {
		attacks = append(attacks, []string{"SELECT * FROM " + relation}, []string{"COPY " + relation + " TO STDOUT"})
	}
	for _, sql := range append(functionsBut(db), neverPermitted...) {
		attacks = append(attacks, []string{sql})
	}
	for _, attack := range attacks {
		_, err := run(attack...)
		var failure *executor.Failure
		if !errors.As(err, &failure) || failure.Code != "42501" && !strings.Contains(attack[0], "COMMIT") {
			t.Errorf("%s: %v; want it refused for want of a right", strings.Join(attack, "; "), err)
		}
	}
	itself("in the end")
	storetest.Check(t, "jobs", storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_jobs"), 0)
}
