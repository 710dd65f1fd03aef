//go:build airflow

package main

import (
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/store/storetest"
)

// Two runs of one day beside each other, and two runs that no teardown follows:
// one is over its time, one is deleted.
func (a *airflow) unattended(t *testing.T) {
	q := newQueue(t)
	q.executors()
	q.define("churn_risk", "SELECT 1 AS customer FROM pg_advisory_xact_lock(1)") // runs until the gate is open
	gate := q.Conn()
	if _, err := gate.Exec(t.Context(), "SELECT pg_advisory_lock(1)"); err != nil {
		t.Fatal(err)
	}
	s := a.schedule(t, q, q, `
    if task.dag_id == "tags_backfill" and task.task_id == "wait_for_tags":
        task.poke_interval = 600 # Airflow deletes no DAG that has a task at work
`, "tags_insert", "tags_by_region")
	s.trigger("tags_insert", "{}", "2026-11-01T01:00:00+00:00") // another date of that day than the scheduled run has
	s.trigger("tags_backfill", `{"first": "2026-11-02"}`, "")   // the first is that of tags_insert
	s.must("dags", "unpause", "--yes", "tags_backfill")

	eventually := func(what string, db *storetest.DB, sql, want string) {
		t.Helper()
		clitest.Eventually(t, what, func() bool { return storetest.One[string](db, sql) == want })
	}

	// Of two runs of a day, one waits for the other.
	const atGate = `SELECT string_agg(concat_ws(' ', dag_id, state, n), ', ' ORDER BY dag_id, state) FROM (
		SELECT dag_id, state, count(*) AS n FROM tagexec.tag_jobs JOIN tagexec.tag_batches USING (batch)
		 WHERE tag LIKE 'churn_risk%' AND (state = 'running' OR dag_id = 'tags_insert') GROUP BY dag_id, state) j`
	const allAtGate = "tags_backfill running 2, tags_by_region running 2, tags_insert pending 1, tags_insert running 1"
	eventually("the jobs are at the gate", q.DB, "SELECT coalesce(("+atGate+"), '')", allAtGate)

	// An hour passes for one run, and Airflow ends it; the other is deleted. Their jobs go on.
	s.meta.Exec("UPDATE dag_run SET start_date = start_date - interval '1 hour' WHERE dag_id = 'tags_by_region'")
	s.ends("tags_by_region", "failed")
	const sensor = "SELECT state FROM task_instance WHERE dag_id = 'tags_backfill' AND task_id = 'wait_for_tags'"
	eventually("the sensor is between two pokes", s.meta, sensor, "up_for_reschedule")
	s.must("dags", "delete", "--yes", "tags_backfill")
	q.want(atGate, allAtGate)

	// Then their batches are over, and nothing of them is left.
	if n := q.Exec("UPDATE tagexec.tag_batches SET expires_at = now() WHERE dag_id <> 'tags_insert' AND expires_at > now() + interval '5 hours'"); n != 3 {
		t.Errorf("%d batches expire, not 3", n)
	}
	const left = `SELECT count(*)::text FROM tagexec.tag_jobs JOIN tagexec.tag_batches USING (batch)
		WHERE dag_id <> 'tags_insert' AND state IN ('pending', 'running')`
	eventually("the batches are cancelled", q.DB, left, "0")
	q.want("SELECT concat_ws(' ', dag_id, action) FROM tagreport.operator_actions JOIN tagreport.batches USING (batch) ORDER BY 1",
		"tags_backfill expire_batch", "tags_by_region expire_batch", "tags_by_region expire_batch")

	// The gate opens: no customer has the tag of the day twice.
	if err := gate.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually("both runs of the day end", s.meta, "SELECT count(*)::text FROM dag_run WHERE dag_id = 'tags_insert' AND state = 'success'", "2")
	q.want("SELECT concat_ws(' ', state, attempt, count(*)) FROM tagexec.tag_jobs JOIN tagexec.tag_batches USING (batch) WHERE dag_id = 'tags_insert' GROUP BY state, attempt",
		"succeeded 1 6")
	q.want("SELECT (count(*) = count(DISTINCT (tag, customer)))::text FROM tags.members WHERE biz_date = '2026-11-01' AND region IS NULL", "true")
	s.withoutDate(q, "tags_insert", "tags_by_region")
}

// withoutDate triggers DAGs by hand. On Airflow 3 such a run has no date, and its
// day is that of the trigger.
func (s *scheduled) withoutDate(q *queue, dags ...string) {
	s.t.Helper()
	if s.version == "2.11" {
		return
	}
	for _, dag := range dags {
		s.trigger(dag, "{}", "")
	}
	for _, dag := range dags {
		clitest.Eventually(s.t, dag+" ends without a date", func() bool {
			return storetest.One[bool](s.meta, "SELECT EXISTS (SELECT FROM dag_run WHERE dag_id = $1 AND logical_date IS NULL AND state = 'success')", dag)
		})
		if !storetest.One[bool](q.DB, `SELECT bool_and(j.state = 'succeeded' AND j.biz_date = substring(b.run_id, 'manual__([0-9-]+)T')::date)
			FROM tagexec.tag_jobs j JOIN tagexec.tag_batches b USING (batch) WHERE b.dag_id = $1 AND b.logical_date IS NULL`, dag) {
			s.t.Errorf("%s has not computed the day of its trigger", dag)
		}
	}
}
