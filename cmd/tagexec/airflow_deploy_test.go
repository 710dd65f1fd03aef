//go:build airflow

package main

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/store/storetest"
)

const airflowExamples = "../../examples/airflow"

// airflow is an Airflow in a virtual environment of its own.
type airflow struct {
	version  string
	venv     string
	metadata string // a database file after `airflow db migrate`, to be copied
}

func installAirflow(t *testing.T, version string) *airflow {
	t.Helper()
	a := &airflow{version: version, venv: t.TempDir()}
	requirements := filepath.Join(airflowExamples, "requirements-"+version+".txt")
	for _, args := range [][]string{
		{"python3", "-m", "venv", a.venv},
		{a.program("pip"), "install", "--quiet", "uv"}, // needs seconds where pip needs minutes
		{a.program("uv"), "pip", "install", "--quiet", "--python", a.program("python"), "--requirement", requirements},
	} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	home := t.TempDir()
	d := &deployment{airflow: a, t: t, env: a.environment(t, home)}
	d.must("db", "migrate")
	a.metadata = filepath.Join(home, "airflow.db")
	return a
}

func (a *airflow) program(name string) string { return filepath.Join(a.venv, "bin", name) }

// queue is a database with a queue, and a warehouse for its jobs.
type queue struct {
	*storetest.DB
	t *testing.T
}

func newQueue(t *testing.T) *queue {
	t.Helper()
	q := &queue{storetest.New(t), t}
	warehouse, err := os.ReadFile(filepath.Join(airflowExamples, "warehouse.sql"))
	if err != nil {
		t.Fatal(err)
	}
	q.Exec(string(warehouse))
	q.Exec("INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('backfill', 2)")
	return q
}

// login makes a login that is in the group roles, and returns its URL.
func (q *queue) login(groups ...string) string {
	q.t.Helper()
	u, err := url.Parse(q.URL)
	if err != nil {
		q.t.Fatal(err)
	}
	name := q.Name() + "_" + groups[0]
	q.Exec(fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'secret' IN ROLE %s", name, strings.Join(groups, ", ")))
	u.User = url.UserPassword(name, "secret")
	return u.String()
}

// executors starts two of them.
func (q *queue) executors() {
	q.t.Helper()
	for range 2 {
		start(q.t, q.DB, []string{"serve"}, "TAGEXEC_SQL_SOURCES=warehouse="+q.URL, "TAGEXEC_WORKERS=4")
	}
}

// define gives a tag another query.
func (q *queue) define(tag, customers string) {
	q.t.Helper()
	q.Exec("UPDATE tags.definitions SET customers = $2 WHERE tag = $1", tag, customers)
}

// want compares the rows of a query that returns text.
func (q *queue) want(sql string, want ...string) {
	q.t.Helper()
	if got, want := strings.Join(storetest.All[string](q.DB, sql), "\n"), strings.Join(want, "\n"); got != want {
		q.t.Errorf("%s\ngot:\n%s\nwant:\n%s", sql, got, want)
	}
}

// deployment is an AIRFLOW_HOME.
type deployment struct {
	*airflow
	t   *testing.T
	env []string
}

// deploy makes one, with two logins that have what the README says they need:
// service is where Airflow submits, worker what `tagexec run` executes on an
// Airflow worker. The policy is what an Airflow administrator may write to
// change each `task` as its DAG is loaded; the DAG files stay as they are.
func (a *airflow) deploy(t *testing.T, service, worker *queue, policy string, env ...string) *deployment {
	t.Helper()
	home := t.TempDir()
	d := &deployment{airflow: a, t: t}
	config := filepath.Join(home, "config")
	if err := os.Mkdir(config, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(config, "airflow_local_settings.py"), []byte(`
from datetime import timedelta
import pendulum

def task_policy(task):
    task.retry_delay = timedelta(seconds=1)
    if hasattr(task, "poke_interval"):
        task.poke_interval = 1
`+policy), 0o644); err != nil {
		t.Fatal(err)
	}
	metadata, err := os.ReadFile(a.metadata)
	if err == nil {
		err = os.WriteFile(filepath.Join(home, "airflow.db"), metadata, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	d.env = append(a.environment(t, home),
		"AIRFLOW_CONN_TAGEXEC="+service.login("tagexec_producer")+"&options=-c%20tagexec.ui_url%3Dhttps%3A%2F%2Fops.example%2Ftagexec",
		"TAGEXEC_DATABASE_URL="+worker.login("tagexec_executor", "tagexec_producer"),
		"TAGEXEC_SQL_SOURCES=warehouse="+worker.URL,
		"TAGEXEC_UI_URL=https://ops.example/tagexec",
		"TAGEXEC_POLL_INTERVAL=20ms",
		// Longer than a server takes to notice that a client is gone (5 s), as the default is.
		"TAGEXEC_LEASE=6s",
		"TAGEXEC_HEARTBEAT=500ms",
	)
	d.env = append(d.env, env...)
	return d
}

func (a *airflow) environment(t *testing.T, home string) []string {
	t.Helper()
	dags, err := filepath.Abs(filepath.Join(airflowExamples, "dags"))
	if err != nil {
		t.Fatal(err)
	}
	return append(os.Environ(),
		"AIRFLOW_HOME="+home,
		"AIRFLOW__CORE__DAGS_FOLDER="+dags,
		"AIRFLOW__CORE__LOAD_EXAMPLES=False",
		"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=sqlite:///"+filepath.Join(home, "airflow.db"),
		"AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False",
		"PYTHONPYCACHEPREFIX="+filepath.Join(a.venv, "pycache"), // not beside the DAGs
	)
}

// start starts the airflow program.
func (d *deployment) start(args ...string) *clitest.Process {
	d.t.Helper()
	return d.startProgram("airflow", args...)
}

func (d *deployment) startProgram(name string, args ...string) *clitest.Process {
	d.t.Helper()
	p := clitest.New(d.t, d.program(name), args...)
	p.Env = d.env
	p.Stderr = &p.Out
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a signal reaches its children too
	p.WaitDelay = 10 * time.Second                      // but not those that make groups of their own, and hold its pipe
	if err := p.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		if p.ProcessState == nil {
			_ = syscall.Kill(-p.Process.Pid, syscall.SIGTERM)
			kill := time.AfterFunc(20*time.Second, func() { _ = syscall.Kill(-p.Process.Pid, syscall.SIGKILL) })
			_ = p.Wait()
			kill.Stop()
		}
		if d.t.Failed() {
			d.t.Logf("%s %s\n%s", name, strings.Join(args, " "), p.Out.String())
		}
	})
	return p
}

// must runs the airflow program.
func (d *deployment) must(args ...string) {
	d.t.Helper()
	if code := d.start(args...).Exit(); code != 0 {
		d.t.Fatalf("exit code %d of airflow %s", code, strings.Join(args, " "))
	}
}

// run runs a DAG from its first task to the end, and returns what it printed.
func (d *deployment) run(dag string, wantCode int) string {
	d.t.Helper()
	p := d.start("dags", "test", dag, "2026-11-22")
	if code := p.Exit(); code != wantCode {
		d.t.Errorf("exit code %d of %s, want %d", code, dag, wantCode)
	}
	return p.Out.String()
}

// scheduled is a deployment whose scheduler runs, with its metadata in meta.
type scheduled struct {
	*deployment
	meta *storetest.DB
}

// schedule starts the scheduler, which begins the first scheduled run of the
// DAGs at once and no other.
func (a *airflow) schedule(t *testing.T, service, worker *queue, policy string, dags ...string) *scheduled {
	t.Helper()
	s := &scheduled{meta: storetest.Empty(t)}
	api := "127.0.0.1:" + strconv.Itoa(unusedPort(t))
	s.deployment = a.deploy(t, service, worker, fmt.Sprintf(`
    if hasattr(task, "poke_interval"):
        task.poke_interval = 5 # a poke is a process of its own here
%s
def dag_policy(dag):
    dag.is_paused_upon_creation = dag.dag_id not in "%s".split()
    dag.catchup = True
    dag.dagrun_timeout = timedelta(hours=1)
    dag.end_date = pendulum.datetime(2026, 11, 1, 2, tz="UTC")
`, policy, strings.Join(dags, " ")),
		"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="+strings.Replace(s.meta.URL, "postgres://", "postgresql+psycopg2://", 1),
		"AIRFLOW__CORE__EXECUTOR=LocalExecutor",
		"AIRFLOW__CORE__EXECUTION_API_SERVER_URL=http://"+api+"/execution/",
		"AIRFLOW__API_AUTH__JWT_SECRET=known-to-the-processes-of-this-test-and-to-nobody-else-in-the-world",
		"AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC=1",
		"AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC=1",
	)
	s.must("db", "migrate")
	if a.version != "2.11" {
		host, port, _ := strings.Cut(api, ":")
		s.start("api-server", "--apps", "execution", "--host", host, "--port", port, "--workers", "1")
		s.start("dag-processor")
	}
	s.start("scheduler", "--skip-serve-logs")
	return s
}

func unusedPort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// ends waits for the end of a DAG's run in one of the states.
func (s *scheduled) ends(dag string, states ...string) {
	s.t.Helper()
	clitest.Eventually(s.t, fmt.Sprintf("the run of %s ends: %s", dag, states), func() bool {
		return storetest.One[int](s.meta, "SELECT count(*) FROM dag_run WHERE dag_id = $1 AND state = ANY ($2)", dag, states) == 1
	})
}

// trigger starts a run by hand. On Airflow 3 it has no date if it is given none;
// 2.11 takes the present then, which is behind the end_date of schedule.
func (s *scheduled) trigger(dag, conf, date string) {
	s.t.Helper()
	clitest.Eventually(s.t, dag+" is loaded", func() bool {
		return storetest.One[bool](s.meta, "SELECT EXISTS (SELECT FROM serialized_dag WHERE dag_id = $1)", dag)
	})
	args := []string{"dags", "trigger", "--conf", conf, dag}
	switch {
	case s.version == "2.11":
		args = append(args, "--exec-date", cmp.Or(date, "2026-11-01T00:00:00+00:00"))
	case date != "":
		args = append(args, "--logical-date", date)
	}
	s.must(args...)
}

// clear is the button Clear of a DAG's run.
func (s *scheduled) clear(dag string) {
	s.t.Helper()
	s.must("tasks", "clear", "--yes", dag)
}

// markFailed is the button Mark as failed of a DAG's run: what the web server
// calls for it, since that has no command.
func (s *scheduled) markFailed(dag string) {
	s.t.Helper()
	if p := s.startProgram("python", "-c", `
import sys
from airflow.api.common.mark_tasks import set_dag_run_state_to_failed
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
run, = DagRun.find(dag_id=sys.argv[1])
set_dag_run_state_to_failed(dag=SerializedDagModel.get_dag(run.dag_id), run_id=run.run_id, commit=True)
`, dag); p.Exit() != 0 {
		s.t.Error("marking the run as failed did not work")
	}
}
