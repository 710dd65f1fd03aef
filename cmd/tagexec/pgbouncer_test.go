//go:build pgbouncer

package main

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/storetest"
)

// bouncer is a PgBouncer in transaction mode before a database.
type bouncer struct {
	*exec.Cmd
	t    *testing.T
	url  string
	dir  string
	port int
	log  clitest.Buffer
}

// startBouncer starts one with so many sessions of the server; extra are
// further lines of its configuration.
func startBouncer(t *testing.T, db *storetest.DB, sessions int, extra ...string) *bouncer {
	t.Helper()
	u, err := url.Parse(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	// Not t.TempDir: PgBouncer refuses to run as root, and another user cannot enter that.
	dir, err := os.MkdirTemp("", "tagexec-pgbouncer-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	b := &bouncer{t: t, dir: dir, port: freePort(t)}
	password, _ := u.User.Password()
	config := append([]string{
		"[databases]",
		fmt.Sprintf("* = host=%s port=%s", u.Hostname(), u.Port()),
		"[pgbouncer]",
		"listen_addr = 127.0.0.1",
		"listen_port = " + strconv.Itoa(b.port),
		"unix_socket_dir =",
		"auth_type = plain",
		"auth_file = " + filepath.Join(dir, "users"),
		"pool_mode = transaction",
		"default_pool_size = " + strconv.Itoa(sessions),
		"max_client_conn = 200",
		"server_login_retry = 1",
	}, extra...)
	for name, text := range map[string]string{
		"ini":   strings.Join(config, "\n") + "\n",
		"users": fmt.Sprintf("%q %q\n", u.User.Username(), password),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	u.Host = net.JoinHostPort("127.0.0.1", strconv.Itoa(b.port))
	u.RawQuery = "sslmode=prefer" // what users have who write nothing
	b.url = u.String()
	b.start()
	t.Cleanup(func() {
		b.kill()
		if t.Failed() {
			t.Logf("pgbouncer: %s", b.log.String())
		}
	})
	return b
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// start starts the program and waits until it listens.
func (b *bouncer) start() {
	b.t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer" // not in the PATH of every user
	}
	b.Cmd = exec.Command(program, filepath.Join(b.dir, "ini"))
	b.Dir, b.Stderr = "/", &b.log
	if os.Geteuid() == 0 {
		nobody, err := user.Lookup("nobody")
		if err != nil {
			b.t.Fatal(err)
		}
		uid, _ := strconv.ParseUint(nobody.Uid, 10, 32)
		gid, _ := strconv.ParseUint(nobody.Gid, 10, 32)
		b.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	if err := b.Start(); err != nil {
		b.t.Fatalf("this test needs PgBouncer (apt-get install -y pgbouncer): %v", err)
	}
	clitest.Eventually(b.t, "pgbouncer", func() bool {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(b.port)))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

// kill ends it as a crash would.
func (b *bouncer) kill() {
	_ = b.Process.Kill()
	_ = b.Wait() // says that it was killed
}

// env are the variables of a process that reaches its queue through b, and its
// SQL source not.
func (b *bouncer) env(more ...string) []string {
	return append([]string{"TAGEXEC_DATABASE_URL=" + b.url, "TAGEXEC_HEARTBEAT=500ms", "TAGEXEC_LEASE=10s", "TAGEXEC_LOG_FORMAT=json"}, more...)
}

// client is a connection of somebody else through b.
func (b *bouncer) client() *pgx.Conn {
	b.t.Helper()
	config, err := pgx.ParseConfig(b.url)
	if err != nil {
		b.t.Fatal(err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(b.t.Context(), config)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// end ends processes by SIGTERM.
func end(t *testing.T, processes ...*clitest.Process) {
	t.Helper()
	for _, p := range processes {
		p.Signal(syscall.SIGTERM)
	}
	for _, p := range processes {
		if code := p.Exit(); code != 143 {
			t.Errorf("exit code %d after SIGTERM, want 143", code)
		}
	}
}

// checkEffects fails unless n jobs each had one effect.
func checkEffects(t *testing.T, db *storetest.DB, n int) {
	t.Helper()
	if got := storetest.One[string](db, "SELECT concat_ws(' ', count(*), count(DISTINCT job)) FROM public.effects"); got != fmt.Sprintf("%d %[1]d", n) {
		t.Errorf("effects, jobs with an effect: %s, want %d of each", got, n)
	}
}

const insertEffects = `INSERT INTO tagexec.tag_jobs (tag, pool, mutex_key, payload)
	SELECT 'effect', CASE WHEN i % 2 = 0 THEN 'narrow' ELSE 'default' END, CASE WHEN i % 4 < 2 THEN 'key ' || i % 150 END,
	       jsonb_build_object('statement', 'INSERT INTO public.effects VALUES ($1)', 'args', jsonb_build_array(i))
	  FROM generate_series(1, $1::int) i`

// Every session setting of ours that could stay behind in a session of the pooler.
const leaksSQL = `SELECT concat_ws(' ', name, setting) FROM pg_settings
	WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'default_transaction_isolation', 'jit', 'enable_seqscan', 'search_path')
	  AND setting IS DISTINCT FROM reset_val AND source = 'session'
	UNION ALL
	SELECT 'prepared ' || statement FROM pg_prepared_statements
	UNION ALL
	SELECT 'lock ' || objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()`

// After Hatchet's task_partition_pgbouncer_test.
func TestThroughPgBouncerTwoExecutorsRunEachJobOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	b := startBouncer(t, db, 5)
	const jobs = 2000
	db.Exec("CREATE TABLE public.effects (job int); INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('narrow', 12)")
	first := start(t, db, []string{"serve"}, b.env("TAGEXEC_WORKERS=16")...)
	second := start(t, db, []string{"serve"}, b.env("TAGEXEC_WORKERS=16")...)
	clitest.Eventually(t, "two executors", func() bool { return storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_executors") == 2 })
	db.Exec(insertEffects, jobs)
	other, looks := b.client(), 0
	clitest.Eventually(t, "all ended", func() bool {
		rows, err := other.Query(t.Context(), leaksSQL)
		if err != nil {
			t.Fatal(err)
		}
		if leaks, err := pgx.CollectRows(rows, pgx.RowTo[string]); err != nil || len(leaks) > 0 {
			t.Errorf("left in the session of another client: %q, %v", leaks, err)
		}
		if looks++; looks%10 == 0 { // it costs the executors a good deal
			storetest.CheckInvariants(t, db)
		}
		return storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_jobs WHERE state IN ('pending', 'running')") == 0
	})
	checkEffects(t, db, jobs)
	if got := storetest.One[string](db, "SELECT concat_ws(' ', count(*), count(*) FILTER (WHERE outcome = 'succeeded'), count(DISTINCT executor_id)) FROM tagexec.tag_job_attempts"); got != "2000 2000 2" {
		t.Errorf("attempts, successes, executors: %s", got)
	}
	end(t, first, second)
	if n := storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_executors WHERE stopped_at IS NOT NULL"); n != 2 {
		t.Errorf("%d executors signed off, want 2", n)
	}
}

func TestThroughPgBouncerScripts(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"run", "submit", "empty_migrate", "operate_jobs", "operate_batches"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clitest.Run(t, "testdata/"+name+".txtar", func(db *storetest.DB) string { return startBouncer(t, db, 3).url })
		})
	}
}

func TestThroughPgBouncerSeveralMayMigrateAtOnce(t *testing.T) {
	t.Parallel()
	db := storetest.Empty(t)
	b := startBouncer(t, db, 2)
	var g errgroup.Group
	applied := make([][]string, 4)
	for i := range applied {
		g.Go(func() (err error) {
			applied[i], err = migrations.Up(t.Context(), b.url)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	list, err := migrations.List(t.Context(), b.url)
	if all := slices.Concat(applied...); err != nil || len(all) != len(list) {
		t.Errorf("applied %q of %v, %v", applied, list, err)
	}
	if n := storetest.One[int](db, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"); n != 0 {
		t.Errorf("%d advisory locks are left in the pooler's sessions", n)
	}
	if undone, err := migrations.Down(t.Context(), b.url, true); err != nil || len(undone) != len(list)-1 { // the code is no file
		t.Errorf("took back %q, %v", undone, err)
	}
}

func TestThroughPgBouncerCancelAndHandBack(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	b := startBouncer(t, db, 4)
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, batch, payload) SELECT 'sleep', 'b' || i % 2, '{"statement": "SELECT pg_sleep(600)"}' FROM generate_series(1, 20) i`)
	p := start(t, db, []string{"serve"}, b.env("TAGEXEC_WORKERS=18", "TAGEXEC_SHUTDOWN_GRACE=100ms")...)
	waitState(t, db, "running", 18)
	var touched int
	if err := b.client().QueryRow(t.Context(), "SELECT tagexec.cancel_batch('b0', 'enough')").Scan(&touched); err != nil || touched != 10 {
		t.Errorf("cancelled %d jobs, %v", touched, err)
	}
	waitState(t, db, "cancelled", 10)
	waitState(t, db, "running", 10)
	end(t, p)
	if got := storetest.One[string](db, "SELECT concat_ws(' ', count(*), sum(attempt), sum(failures)) FROM tagexec.tag_jobs WHERE state = 'pending'"); got != "10 10 0" {
		t.Errorf("handed back, attempts, failures: %s", got)
	}
	clitest.Eventually(t, "statements ended in the source", func() bool {
		return storetest.One[int](db, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep%' AND state = 'active'") == 0
	})
}

// After Que's "if the connection doesn't actually have the statement prepared should recover".
func TestPgBouncerMayDieAndComeBack(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	b := startBouncer(t, db, 4)
	const jobs = 1000
	db.Exec("CREATE TABLE public.effects (job int); INSERT INTO tagexec.tag_pools (pool, slots) VALUES ('narrow', 12)")
	first := start(t, db, []string{"serve"}, b.env("TAGEXEC_WORKERS=8")...)
	second := start(t, db, []string{"serve"}, b.env("TAGEXEC_WORKERS=8")...)
	clitest.Eventually(t, "two executors", func() bool { return storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_executors") == 2 })
	db.Exec(insertEffects, jobs)
	succeeded := func(n int) {
		clitest.Eventually(t, "successes", func() bool {
			return storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_jobs WHERE state = 'succeeded'") >= n
		})
	}
	for _, n := range []int{100, 500} {
		succeeded(n)
		b.kill()
		b.start()
	}
	succeeded(jobs)
	checkEffects(t, db, jobs)
	// What was repeated had a cause on record: the answer of its claim was lost.
	if got := storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_job_attempts WHERE outcome NOT IN ('succeeded', 'interrupted')"); got != 0 {
		t.Errorf("%d attempts ended another way", got)
	}
	end(t, first, second)
}

// A pooler that is told to ignore our settings looks like a server.
func TestAPoolerThatIgnoresSettingsIsSeenAllTheSame(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	b := startBouncer(t, db, 1, "ignore_startup_parameters = statement_timeout, lock_timeout, idle_in_transaction_session_timeout, default_transaction_isolation, jit, enable_seqscan, search_path")
	s, err := store.Open(b.url, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	var g errgroup.Group
	for range 4 { // several clients share the one session: named statements would get lost
		g.Go(func() error {
			for range 20 {
				if err := s.CheckSchema(t.Context()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	var prepared int
	if err := b.client().QueryRow(t.Context(), "SELECT count(*) FROM pg_prepared_statements").Scan(&prepared); err != nil || prepared != 0 {
		t.Errorf("%d prepared statements, %v", prepared, err)
	}
}
