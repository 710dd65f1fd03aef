package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/cmd/internal/faultproxy"
	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/devpg"
	"github.com/tagexec/tagexec/store/storetest"
)

// What the executors of the fault tests are set to, and how much longer than
// promised anything may take on a loaded machine.
const (
	faultLease     = 3 * time.Second
	faultHeartbeat = 500 * time.Millisecond
	faultSlack     = 8 * time.Second
)

// arena is a queue under faults, and a history outside it that the jobs write
// themselves: SQL jobs into another database, commands into a file.
type arena struct {
	t       *testing.T
	db      *storetest.DB
	effects *pgxpool.Pool // numbers of SQL jobs whose transaction was committed
	dir     string        // of the history and whatever else the commands share
	deleted map[int64]bool
}

// newArena makes an arena on the tests' server.
func newArena(t *testing.T) *arena {
	t.Helper()
	return furnish(t, storetest.New(t), storetest.Empty(t).Pool)
}

// arenaOn makes an arena on a server of its own.
func arenaOn(t *testing.T, pg *devpg.Server) *arena {
	t.Helper()
	url := pg.URL("postgres")
	if _, err := migrations.Up(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	db := storetest.On(t, url)
	db.Exec("CREATE DATABASE effects")
	return furnish(t, db, openPool(t, pg.URL("effects")))
}

func openPool(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func furnish(t *testing.T, db *storetest.DB, effects *pgxpool.Pool) *arena {
	t.Helper()
	a := &arena{t: t, db: db, effects: effects, dir: t.TempDir(), deleted: map[int64]bool{}}
	if err := os.Mkdir(a.path("commands"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := effects.Exec(t.Context(), "CREATE TABLE effects (number bigint NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(a.path("gate"), 0o600); err != nil {
		t.Fatal(err)
	}
	a.command("gated", `read _ < gate`)
	return a
}

func (a *arena) path(name string) string { return filepath.Join(a.dir, name) }

// command makes a command for jobs. It runs in the arena's directory and notes
// its start and its end, in one write each.
func (a *arena) command(name, script string) {
	a.t.Helper()
	text := fmt.Sprintf(`#!/bin/sh
cd '%s' || exit 1
say() { echo "$TAGEXEC_JOB_ID $TAGEXEC_ATTEMPT $1" >> history; }
say start
%s
say end
`, a.dir, script)
	if err := os.WriteFile(filepath.Join(a.path("commands"), name), []byte(text), 0o755); err != nil {
		a.t.Fatal(err)
	}
}

// open opens the gate, for commands that wait there now and for later ones: a
// line for each to read.
func (a *arena) open() {
	a.t.Helper()
	gate, err := os.OpenFile(a.path("gate"), os.O_RDWR, 0) // both, so that it does not wait for a reader
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = gate.Close() }) // with it the lines go
	if _, err := gate.WriteString(strings.Repeat("\n", 1000)); err != nil {
		a.t.Fatal(err)
	}
}

// proxy starts a proxy for an executor's way to the queue.
func (a *arena) proxy() (*faultproxy.Proxy, string) {
	a.t.Helper()
	_, login := a.db.Login("tagexec_executor")
	proxy, url, err := faultproxy.Before(login)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() {
		if err := proxy.Close(); err != nil {
			a.t.Error(err)
		}
	})
	return proxy, "TAGEXEC_DATABASE_URL=" + url
}

// serve starts an executor and waits until it is registered.
func (a *arena) serve(env ...string) *clitest.Process {
	a.t.Helper()
	p := start(a.t, a.db, []string{"serve"}, append([]string{
		"TAGEXEC_LEASE=" + faultLease.String(), "TAGEXEC_HEARTBEAT=" + faultHeartbeat.String(),
		"TAGEXEC_SQL_SOURCES=effects=" + a.effects.Config().ConnString(),
		"TAGEXEC_COMMANDS_DIR=" + a.path("commands"), "TAGEXEC_COMMAND_ENV=PATH",
		"TAGEXEC_LOG_FORMAT=json", "TAGEXEC_WORKERS=8",
	}, env...)...)
	clitest.Eventually(a.t, "an executor", func() bool { return len(a.ids(p)) > 0 })
	return p
}

// ids returns the ids under which a process registered, the last one last.
func (a *arena) ids(p *clitest.Process) []uuid.UUID {
	a.t.Helper()
	return list[uuid.UUID](a, a.db.Pool, "SELECT id FROM tagexec.tag_executors WHERE pid = $1 ORDER BY started_at", p.Process.Pid)
}

// kill ends a process as a crash would.
func (a *arena) kill(p *clitest.Process) {
	a.t.Helper()
	p.Signal(syscall.SIGKILL)
	_ = p.Wait() // says that it was killed
}

// stop ends executors in order, and returns the counts in the last line of the
// first one's log.
func (a *arena) stop(processes ...*clitest.Process) (counts map[string]int64) {
	a.t.Helper()
	for i, p := range processes {
		p.Signal(syscall.SIGTERM)
		if code := p.Exit(); code != 143 {
			a.t.Errorf("exit code %d after SIGTERM, want 143", code)
		}
		if strings.Contains(p.ErrOut.String(), "panic") {
			a.t.Errorf("executor %d panicked", i)
		}
		for line := range strings.Lines(p.ErrOut.String()) {
			var stopped struct {
				Message string           `json:"msg"`
				Jobs    map[string]int64 `json:"jobs"`
			}
			if strings.Contains(line, "executor stopped") && json.Unmarshal([]byte(line), &stopped) == nil && i == 0 {
				counts = stopped.Jobs
			}
		}
	}
	return counts
}

// seasoned waits until an executor has been in contact for longer than the
// lease: from then on it reaps.
func (a *arena) seasoned(p *clitest.Process) {
	a.t.Helper()
	clitest.Eventually(a.t, "an executor that may reap", func() bool {
		return value[bool](a, `SELECT heartbeat_at > started_at + make_interval(secs => lease_seconds)
		                         FROM tagexec.tag_executors WHERE pid = $1 ORDER BY started_at DESC LIMIT 1`, p.Process.Pid)
	})
}

// list returns the only column of all rows.
func list[T any](a *arena, db *pgxpool.Pool, sql string, args ...any) []T {
	a.t.Helper()
	rows, err := db.Query(a.t.Context(), sql, args...)
	if err != nil {
		a.t.Fatalf("%s\n%v", sql, err)
	}
	values, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		a.t.Fatalf("%s\n%v", sql, err)
	}
	return values
}

// together runs subtests at the same time as one parallel test: they mostly
// wait, which -parallel does not know.
func together(t *testing.T, tests map[string]func(*testing.T)) {
	t.Parallel()
	var running sync.WaitGroup
	for name, test := range tests {
		running.Go(func() { t.Run(name, test) })
	}
	running.Wait()
}

// value returns the only column of the only row.
func value[T any](a *arena, sql string, args ...any) T {
	a.t.Helper()
	values := list[T](a, a.db.Pool, sql, args...)
	if len(values) != 1 {
		a.t.Fatalf("%s\nreturned %d rows instead of one", sql, len(values))
	}
	return values[0]
}

func (a *arena) exec(sql string, args ...any) {
	a.t.Helper()
	if _, err := a.db.Pool.Exec(a.t.Context(), sql, args...); err != nil {
		a.t.Fatalf("%s\n%v", sql, err)
	}
}

// commandJobs inserts jobs in one statement and returns their ids. columns is
// what else to set, as "name = value" pairs.
func (a *arena) commandJobs(n int, command string, columns ...string) []int64 {
	a.t.Helper()
	return a.insert(n, "command", "jsonb_build_object('command', '"+command+"')", columns)
}

// sqlJobs inserts jobs that leave their number in the table of effects.
func (a *arena) sqlJobs(n int, columns ...string) []int64 {
	a.t.Helper()
	const statement = "jsonb_build_object('statement', 'INSERT INTO effects VALUES ($1)', 'args', jsonb_build_array(nextval('effect_numbers')))"
	a.exec("CREATE SEQUENCE IF NOT EXISTS effect_numbers")
	return a.insert(n, "sql", statement, columns)
}

func (a *arena) insert(n int, kind, payload string, columns []string) []int64 {
	a.t.Helper()
	names, values := "", ""
	for _, c := range columns {
		name, value, _ := strings.Cut(c, " = ")
		names, values = names+", "+name, values+", "+value
	}
	return list[int64](a, a.db.Pool, fmt.Sprintf(
		"INSERT INTO tagexec.tag_jobs (tag, kind, max_attempts, payload%s) SELECT '%s', '%[2]s', 20, %s%s FROM generate_series(1, %d) i RETURNING id",
		names, kind, payload, values, n))
}

// waitFor waits until all of these jobs are in a state.
func (a *arena) waitFor(state string, jobs []int64) {
	a.t.Helper()
	clitest.Eventually(a.t, fmt.Sprintf("%d jobs to be %s", len(jobs), state), func() bool {
		return value[int](a, "SELECT count(*) FROM tagexec.tag_jobs WHERE id = ANY ($1) AND state = $2", jobs, state) == len(jobs)
	})
}

// settled waits until nothing is pending or running.
func (a *arena) settled() {
	a.t.Helper()
	clitest.Eventually(a.t, "all jobs to end", func() bool {
		return value[int](a, "SELECT count(*) FROM tagexec.tag_jobs WHERE state IN ('pending', 'running')") == 0
	})
}

// outcomes returns the outcomes of a job's attempts, in order.
func (a *arena) outcomes(job int64) string {
	a.t.Helper()
	return strings.Join(list[string](a, a.db.Pool, "SELECT outcome FROM tagexec.tag_job_attempts WHERE job_id = $1 ORDER BY attempt", job), " ")
}

// wantOutcomes fails the test where a job's attempts had other outcomes.
func (a *arena) wantOutcomes(jobs []int64, want string) {
	a.t.Helper()
	for _, job := range jobs {
		if got := a.outcomes(job); got != want {
			a.t.Errorf("the attempts of job %d were: %s; want: %s", job, got, want)
		}
	}
}

// wantTakeover fails the test where a second attempt began too early or too
// late after its executor fell silent, by the database's clock. silent is not
// before its last sign of life.
func (a *arena) wantTakeover(jobs []int64, silent time.Time) {
	a.t.Helper()
	limit := faultLease + 2*faultHeartbeat + faultSlack
	late := list[string](a, a.db.Pool, `
		SELECT format('job %s: silent since %s, last heartbeat %s, lost at %s, started at %s', f.job_id, $2::timestamptz, e.heartbeat_at, f.finished_at, s.started_at)
		  FROM tagexec.tag_job_attempts f
		  JOIN tagexec.tag_job_attempts s ON s.job_id = f.job_id AND s.attempt = 2
		  JOIN tagexec.tag_executors e ON e.id = f.executor_id
		 WHERE f.job_id = ANY ($1) AND f.attempt = 1
		   AND (s.started_at > $2 + make_interval(secs => $3) OR f.finished_at < e.heartbeat_at + make_interval(secs => e.lease_seconds))`,
		jobs, silent, limit.Seconds())
	for _, l := range late {
		a.t.Error("taken over too early or too late: " + l)
	}
}

// now is the database's time.
func (a *arena) now() time.Time {
	a.t.Helper()
	return value[time.Time](a, "SELECT clock_timestamp()")
}

// line is one line of the history that commands wrote.
type line struct {
	job     int64
	attempt int
	what    string
}

// lines returns the history of commands so far, in order.
func (a *arena) lines() []line {
	a.t.Helper()
	text, err := os.ReadFile(a.path("history"))
	if err != nil && !os.IsNotExist(err) {
		a.t.Fatal(err)
	}
	var all []line
	for s := range strings.Lines(string(text)) {
		var l line
		if _, err := fmt.Sscan(s, &l.job, &l.attempt, &l.what); err != nil {
			a.t.Fatalf("the history has a line %q: %v", s, err)
		}
		all = append(all, l)
	}
	return all
}

// said reports whether all of these jobs left a line in the history.
func (a *arena) said(jobs []int64, attempt int, what string) bool {
	all := a.lines()
	for _, job := range jobs {
		if !slices.Contains(all, line{job, attempt, what}) {
			return false
		}
	}
	return true
}

// check compares the history outside with the tables, after everything has
// ended, and looks at the invariants of the tables.
func (a *arena) check() {
	a.t.Helper()
	storetest.CheckInvariants(a.t, a.db)
	type job struct {
		ID       int64
		Kind     string
		State    string
		Number   int64
		Outcomes []string
	}
	rows, err := a.db.Pool.Query(context.Background(), `
		SELECT j.id, j.kind, j.state, coalesce((j.payload -> 'args' ->> 0)::bigint, 0),
		       array(SELECT outcome FROM tagexec.tag_job_attempts t WHERE t.job_id = j.id ORDER BY t.attempt)
		  FROM tagexec.tag_jobs j`)
	if err != nil {
		a.t.Fatal(err)
	}
	jobs, err := pgx.CollectRows(rows, pgx.RowToStructByPos[job])
	if err != nil {
		a.t.Fatal(err)
	}
	committed := map[int64]int{} // by number
	for _, number := range list[int64](a, a.effects, "SELECT number FROM effects") {
		committed[number]++
	}
	said := map[line]int{}
	for _, l := range a.lines() {
		said[l]++
	}
	seen := 0
	for _, j := range jobs {
		effects := committed[j.Number]
		delete(committed, j.Number)
		if j.Kind == "command" {
			effects = 0
			for attempt := range j.Outcomes {
				starts, ends := said[line{j.ID, attempt + 1, "start"}], said[line{j.ID, attempt + 1, "end"}]
				if starts > 1 || ends > 1 {
					a.t.Errorf("attempt %d of job %d started %d times and ended %d times", attempt+1, j.ID, starts, ends)
				}
				seen += starts + ends
				effects += ends
			}
		}
		n := len(j.Outcomes)
		switch {
		case effects > n:
			a.t.Errorf("job %d had %d effects in %d attempts", j.ID, effects, n)
		case j.State == "succeeded" && effects == 0:
			a.t.Errorf("job %d succeeded without an effect: %v", j.ID, j.Outcomes)
		}
		for i, outcome := range j.Outcomes {
			if i < n-1 && (outcome == "succeeded" || outcome == "cancelled") {
				a.t.Errorf("job %d was repeated without a cause: %v", j.ID, j.Outcomes)
			}
		}
	}
	for number, n := range committed {
		a.t.Errorf("%d effects with the number %d, which no job has", n, number)
	}
	all := 0
	for l, n := range said {
		switch {
		case a.deleted[l.job]:
		case l.what == "start" || l.what == "end":
			all += n
		default:
			a.t.Errorf("attempt %d of job %d says %s", l.attempt, l.job, l.what)
		}
	}
	if all != seen {
		a.t.Errorf("the history has %d starts and ends, but only %d belong to an attempt that the table knows", all, seen)
	}
}
