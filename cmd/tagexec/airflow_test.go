//go:build airflow

package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/store/storetest"
)

// The real Airflow runs the DAGs of examples/airflow, as they are, on a real
// Postgres and real executors: examples/airflow/test.sh. What happened is read
// from the job table.
//
// `airflow dags test` is a whole run of a DAG in one process: real operators,
// retries, pokes and teardowns. What it lacks, a scheduler and the supervision
// of tasks, is what the tests of a scheduled run have.
func TestAirflow(t *testing.T) {
	for _, version := range []string{"2.11", "3"} {
		t.Run(version, func(t *testing.T) {
			a := installAirflow(t, version)
			t.Run("with", func(t *testing.T) { // ends when all of these have, and the next version begins
				for _, test := range []struct {
					name string
					run  func(*testing.T)
				}{
					{"a scheduler", a.scheduled}, // first, since these take the longest
					{"a scheduler that runs no teardown", a.unattended},
					{"a batch", func(t *testing.T) { a.succeeds(t, "tags_daily", "submit_tags", threeJobs) }},
					{"one shot", func(t *testing.T) { a.succeeds(t, "tags_one_shot", "run_tags", threeJobs) }},
					{"a backfill", func(t *testing.T) { a.succeeds(t, "tags_backfill", "submit_tags", backfilledJobs()) }},
					{"a plain INSERT", func(t *testing.T) { a.succeeds(t, "tags_insert", "insert_tags", threeJobs) }},
					{"a batch per region", a.mapped},
					{"a failing tag", a.failing},
					{"a submit that is retried", a.retriedSubmit},
					{"a sensor that times out", a.timeout},
					{"one shot and SIGTERM", func(t *testing.T) { a.oneShotKilled(t, syscall.SIGTERM, "interrupted") }},
					{"one shot and SIGKILL", func(t *testing.T) { a.oneShotKilled(t, syscall.SIGKILL, "lost") }},
				} {
					t.Run(test.name, func(t *testing.T) {
						t.Parallel()
						test.run(t)
					})
				}
			})
		})
	}
}

// Queries whose rows are compared as text.
const (
	jobsSQL     = "SELECT concat_ws(' ', tag, biz_date, state, attempt) FROM tagexec.tag_jobs ORDER BY tag, biz_date"
	attemptsSQL = "SELECT concat_ws(' ', tag, attempt, outcome) FROM tagreport.attempts ORDER BY tag, attempt"
	batchesSQL  = `SELECT concat_ws(' ', dag_id, task_id, map_index, try_number, (logical_date AT TIME ZONE 'UTC')::date,
		CASE WHEN log_url LIKE 'http%' || dag_id || '%' THEN 'with log' END,
		CASE WHEN batch LIKE 'airflow:' || dag_id || ':' || run_id || ':%' THEN 'with run' END) FROM tagreport.batches ORDER BY batch`
	busySQL = `SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE 'CALL tags.refresh%'`
)

// Queries of a tag.
const (
	slow  = "SELECT 1 AS customer FROM pg_sleep(600)"
	quick = "SELECT 1 AS customer"
	wrong = "SELECT customer FROM tags.no_such_table"
)

var threeJobs = []string{"churn_risk 2026-11-22 succeeded 1", "high_value 2026-11-22 succeeded 1", "new_customer 2026-11-22 succeeded 1"}

func backfilledJobs() (jobs []string) {
	for _, tag := range []string{"churn_risk", "high_value", "new_customer"} {
		for day := range 7 {
			jobs = append(jobs, fmt.Sprintf("%s 2026-11-%02d succeeded 1", tag, day+1))
		}
	}
	return jobs
}

// alone deploys an Airflow with one queue.
func (a *airflow) alone(t *testing.T, policy string) (*queue, *deployment) {
	t.Helper()
	q := newQueue(t)
	return q, a.deploy(t, q, q, policy)
}

func (a *airflow) succeeds(t *testing.T, dag, task string, jobs []string) {
	q, d := a.alone(t, "")
	q.executors()
	log := d.run(dag, 0)
	if page := "page: https://ops.example/tagexec/batches/airflow:" + dag; dag == "tags_one_shot" && !strings.Contains(log, page) {
		t.Errorf("the task's log does not say: %s", page)
	}
	q.want(jobsSQL, jobs...)
	q.want(batchesSQL, dag+" "+task+" -1 1 2026-11-22 with log with run")
	q.want("SELECT count(DISTINCT (tag, biz_date))::text FROM tags.members", fmt.Sprint(len(jobs)))
}

func (a *airflow) mapped(t *testing.T) {
	q, d := a.alone(t, "")
	q.executors()
	d.run("tags_by_region", 0)
	q.want("SELECT concat_ws(' ', substring(batch FROM '[a-z]+$'), tag, biz_date, state, attempt) FROM tagexec.tag_jobs ORDER BY batch, tag",
		"north churn_risk:north 2026-11-22 succeeded 1", "north high_value:north 2026-11-22 succeeded 1", "north new_customer:north 2026-11-22 succeeded 1",
		"south churn_risk:south 2026-11-22 succeeded 1", "south high_value:south 2026-11-22 succeeded 1", "south new_customer:south 2026-11-22 succeeded 1")
	q.want(batchesSQL,
		"tags_by_region tags_of.submit_tags 0 1 2026-11-22 with log with run",
		"tags_by_region tags_of.submit_tags 1 1 2026-11-22 with log with run")
	q.want("SELECT count(DISTINCT (tag, region))::text FROM tags.members", "6")
}

func (a *airflow) failing(t *testing.T) {
	q, d := a.alone(t, "")
	q.executors()
	q.define("churn_risk", wrong)
	log := d.run("tags_daily", 1)
	for _, want := range []string{"2 of 3 jobs succeeded, 1 failed; https://ops.example/tagexec/batches/airflow:tags_daily:", `churn_risk 2026-11-22: failed [42P01] relation "tags.no_such_table" does not exist`} {
		if !strings.Contains(log, want) {
			t.Errorf("the task's log does not say: %s", want)
		}
	}
	q.want(jobsSQL, "churn_risk 2026-11-22 failed 1", "high_value 2026-11-22 succeeded 1", "new_customer 2026-11-22 succeeded 1")
}

// The first try ends between its commit and its success, as when a worker is lost.
func (a *airflow) retriedSubmit(t *testing.T) {
	q, d := a.alone(t, `
    if task.task_id == "submit_tags":
        task._post_execute_hook = fail_once

def fail_once(context, result=None):
    if context["ti"].try_number == 1:
        raise RuntimeError("the worker is lost")
`)
	q.executors()
	d.run("tags_daily", 0)
	q.want(jobsSQL, threeJobs...)
	q.want(batchesSQL, "tags_daily submit_tags -1 2 2026-11-22 with log with run")
	q.want("SELECT submit_count::text FROM tagexec.tag_batches", "2")
}

func (a *airflow) timeout(t *testing.T) {
	q, d := a.alone(t, `
    if task.task_id == "wait_for_tags":
        task.timeout = 3
`)
	q.executors()
	q.define("churn_risk", slow)
	d.run("tags_daily", 1)
	q.stopped("churn_risk 2026-11-22 cancelled 1", "high_value 2026-11-22 succeeded 1", "new_customer 2026-11-22 succeeded 1")
}

// stopped waits until nothing runs, in the table and in the warehouse.
func (q *queue) stopped(jobs ...string) {
	q.t.Helper()
	waitState(q.t, q.DB, "running", 0)
	q.want(jobsSQL, jobs...)
	q.want(busySQL)
}

// The process group of the task is killed: by SIGTERM, as Airflow does, or by
// SIGKILL, as when the worker runs out of memory. Airflow sees a failed task
// and starts the next try, which runs what is left.
func (a *airflow) oneShotKilled(t *testing.T, s syscall.Signal, outcome string) {
	q, d := a.alone(t, "")
	q.define("churn_risk", slow)
	p := d.start("dags", "test", "tags_one_shot", "2026-11-22")
	waitState(t, q.DB, "succeeded", 2)
	clitest.Eventually(t, "the third sleeps", func() bool {
		return storetest.One[bool](q.DB, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep')")
	})
	group, err := syscall.Getpgid(storetest.One[int](q.DB, "SELECT pid FROM tagexec.tag_executors"))
	if err != nil || group == p.Process.Pid {
		t.Fatal("the task has no process group of its own", err)
	}
	q.define("churn_risk", quick)
	if err := syscall.Kill(-group, s); err != nil {
		t.Fatal(err)
	}
	if code := p.Exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	q.stopped("churn_risk 2026-11-22 succeeded 2", "high_value 2026-11-22 succeeded 1", "new_customer 2026-11-22 succeeded 1")
	q.want(attemptsSQL, "churn_risk 1 "+outcome, "churn_risk 2 succeeded", "high_value 1 succeeded", "new_customer 1 succeeded")
	q.want(batchesSQL, "tags_one_shot run_tags -1 2 2026-11-22 with log with run")
}

// Under a real scheduler, with tasks that are supervised.
func (a *airflow) scheduled(t *testing.T) {
	service, worker := newQueue(t), newQueue(t)
	service.executors()
	service.define("churn_risk", wrong)
	worker.define("churn_risk", slow)
	s := a.schedule(t, service, worker, `
    if task.task_id == "run_tags":
        task.execution_timeout = timedelta(seconds=40)
`, "tags_daily", "tags_one_shot")

	// A task over its time is ended by SIGTERM, and tried again. The time is longer than a
	// mark takes on a loaded machine: a second SIGTERM would end tagexec at once.
	waitAttempts := func(q *queue, n int) {
		t.Helper()
		clitest.Eventually(t, fmt.Sprintf("attempt %d runs", n), func() bool {
			return storetest.One[int](q.DB, "SELECT count(*) FROM tagexec.tag_jobs WHERE state = 'running' AND attempt = $1", n) == 1
		})
	}
	waitAttempts(worker, 2)
	worker.want(attemptsSQL, "churn_risk 1 interrupted", "high_value 1 succeeded", "new_customer 1 succeeded")

	// Marked as failed: SIGTERM again, and nothing is left but a job that waits.
	s.markFailed("tags_one_shot")
	s.ends("tags_one_shot", "failed")
	worker.stopped("churn_risk 2026-11-01 pending 2", "high_value 2026-11-01 succeeded 1", "new_customer 2026-11-01 succeeded 1")

	// Cleared: the next try finishes, and runs nothing but that job.
	worker.define("churn_risk", quick)
	s.clear("tags_one_shot")
	s.ends("tags_one_shot", "success")
	worker.want(attemptsSQL, "churn_risk 1 interrupted", "churn_risk 2 interrupted", "churn_risk 3 succeeded", "high_value 1 succeeded", "new_customer 1 succeeded")
	worker.want(batchesSQL, "tags_one_shot run_tags -1 3 2026-11-01 with log with run")

	// A cleared run submits its batch again, and that runs only what failed.
	s.ends("tags_daily", "failed")
	service.want(attemptsSQL, "churn_risk 1 failed", "high_value 1 succeeded", "new_customer 1 succeeded")
	service.define("churn_risk", slow)
	s.clear("tags_daily")
	waitAttempts(service, 2)

	// Marked as failed while its sensor waits: the teardown cancels. Airflow calls the
	// run a success, as it judges it by the check, which the mark skips.
	s.markFailed("tags_daily")
	s.ends("tags_daily", "success")
	service.stopped("churn_risk 2026-11-01 cancelled 2", "high_value 2026-11-01 succeeded 1", "new_customer 2026-11-01 succeeded 1")

	// Cleared: what was cancelled runs too.
	service.define("churn_risk", quick)
	s.clear("tags_daily")
	s.ends("tags_daily", "success")
	service.want(attemptsSQL, "churn_risk 1 failed", "churn_risk 2 cancelled", "churn_risk 3 succeeded", "high_value 1 succeeded", "new_customer 1 succeeded")
	service.want(batchesSQL, "tags_daily submit_tags -1 3 2026-11-01 with log with run")

	s.withoutDate(service, "tags_daily")
	s.withoutDate(worker, "tags_one_shot")
}
