package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/store/storetest"
)

// groups are those whose rights each command needs, and no others.
var groups = map[string]string{"serve": "tagexec_executor", "run": "tagexec_executor, tagexec_producer", "submit": "tagexec_producer"}

// start starts the real program on the database, under a login that has the rights
// for its command alone; env goes on top of what all of these tests want.
func start(t testing.TB, db *storetest.DB, args []string, env ...string) *clitest.Process {
	t.Helper()
	_, login := db.Login(groups[args[0]])
	return clitest.Launch(t, "tagexec", args, append([]string{
		"TAGEXEC_DATABASE_URL=" + login, "TAGEXEC_SQL_SOURCES=db=" + db.URL,
		"TAGEXEC_POLL_INTERVAL=20ms", "TAGEXEC_HTTP_ADDR=127.0.0.1:0",
	}, env...)...)
}

// waitState waits until n jobs are in a state.
func waitState(t testing.TB, db *storetest.DB, state string, n int64) {
	t.Helper()
	clitest.Eventually(t, state, func() bool {
		return storetest.One[int64](db, "SELECT count(*) FROM tagexec.tag_jobs WHERE state = $1", state) == n
	})
}

func TestTwoExecutorsRunEachJobOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	const jobs = 10_000
	db.Exec("CREATE TABLE effects (job int)")
	first := start(t, db, []string{"serve"}, "TAGEXEC_WORKERS=8")
	second := start(t, db, []string{"serve"}, "TAGEXEC_WORKERS=8")
	clitest.Eventually(t, "two executors", func() bool {
		return storetest.One[int64](db, "SELECT count(*) FROM tagexec.tag_executors") == 2
	})
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, payload)
	         SELECT 'effect', jsonb_build_object('statement', 'INSERT INTO public.effects VALUES ($1)', 'args', jsonb_build_array(i))
	           FROM generate_series(1, $1::int) i`, jobs)
	clitest.Eventually(t, "all succeeded", func() bool {
		return storetest.One[int64](db, "SELECT count(*) FROM tagexec.tag_jobs WHERE state = 'succeeded'") == jobs
	})
	if n := storetest.One[int64](db, "SELECT count(*) FROM effects"); n != jobs {
		t.Errorf("%d effects of %d jobs", n, jobs)
	}
	if n := storetest.One[int64](db, "SELECT count(DISTINCT job) FROM effects"); n != jobs {
		t.Errorf("%d jobs had an effect, of %d", n, jobs)
	}
	if n := storetest.One[int64](db, "SELECT count(DISTINCT executor_id) FROM tagexec.tag_job_attempts"); n != 2 {
		t.Errorf("%d executors took part, want 2", n)
	}
	for _, p := range []*clitest.Process{first, second} {
		p.Signal(syscall.SIGTERM)
		if code := p.Exit(); code != 143 {
			t.Errorf("exit code %d after SIGTERM, want 143", code)
		}
	}
	if n := storetest.One[int64](db, "SELECT count(*) FROM tagexec.tag_executors WHERE stopped_at IS NOT NULL"); n != 2 {
		t.Errorf("%d executors signed off, want 2", n)
	}
}

// After Solid Queue's "term supervisor exceeding timeout while there are jobs in-flight" and pg-boss's "should fail active jobs in a worker during shutdown".
func TestSIGTERMHandsRunningJobsBack(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, payload)
	         SELECT 'sleep', '{"statement": "SELECT pg_sleep(600)"}' FROM generate_series(1, 100)`)
	p := start(t, db, []string{"serve"}, "TAGEXEC_WORKERS=100", "TAGEXEC_SHUTDOWN_GRACE=100ms")
	waitState(t, db, "running", 100)
	p.Signal(syscall.SIGTERM)
	if code := p.Exit(); code != 143 {
		t.Errorf("exit code %d, want 143", code)
	}
	waitState(t, db, "pending", 100)
	if n := storetest.One[int64](db, "SELECT count(*) FROM tagexec.tag_jobs WHERE failures > 0"); n != 0 {
		t.Errorf("%d jobs count a failure", n)
	}
	if n := storetest.One[int64](db, "SELECT count(*) FROM tagexec.tag_job_attempts WHERE outcome = 'interrupted'"); n != 100 {
		t.Errorf("%d attempts were interrupted, want 100", n)
	}
	clitest.Eventually(t, "statements ended in the source", func() bool {
		return storetest.One[int64](db, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'") == 0
	})
}

// After Oban's "slow jobs are allowed to complete within the shutdown grace period".
func TestGraceLetsJobsFinish(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("CREATE TABLE gate (open boolean); INSERT INTO gate VALUES (false)")
	// A job that lasts until the test opens the gate.
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, kind, payload)
	         VALUES ('gated', 'sql', '{"statement": "DO $$ BEGIN WHILE NOT (SELECT open FROM public.gate) LOOP PERFORM pg_sleep(0.01); END LOOP; END $$"}')`)
	p := start(t, db, []string{"serve"})
	clitest.Eventually(t, "its statement", func() bool { // a job that is claimed may not have begun
		return storetest.One[bool](db, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE 'DO $$ BEGIN WHILE%')")
	})
	p.Signal(syscall.SIGTERM)
	clitest.Eventually(t, "shutting down", func() bool { return strings.Contains(p.ErrOut.String(), "claiming nothing more") })
	db.Exec("UPDATE gate SET open = true")
	if code := p.Exit(); code != 143 {
		t.Errorf("exit code %d, want 143", code)
	}
	waitState(t, db, "succeeded", 1)
}

// After Solid Queue's "term supervisor multiple times".
func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Insert(storetest.Row{"payload": `{"statement": "SELECT pg_sleep(600)"}`})
	p := start(t, db, []string{"serve"}, "TAGEXEC_SHUTDOWN_GRACE=10m")
	waitState(t, db, "running", 1)
	p.Signal(syscall.SIGINT)
	clitest.Eventually(t, "shutting down", func() bool { return strings.Contains(p.ErrOut.String(), "claiming nothing more") })
	p.Signal(syscall.SIGINT)
	if code := p.Exit(); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
}

func TestRunEndedBySignal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		signal syscall.Signal
		code   int
	}{"SIGTERM": {syscall.SIGTERM, 143}, "SIGINT": {syscall.SIGINT, 130}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Insert(storetest.Row{"batch": "b", "payload": `{"statement": "SELECT pg_sleep(600)"}`})
			p := start(t, db, []string{"run", "--batch", "b"}, "TAGEXEC_SHUTDOWN_GRACE=0s")
			waitState(t, db, "running", 1)
			if got := storetest.One[string](db, "SELECT coalesce(batch, '') FROM tagexec.tag_executors"); got != "b" {
				t.Errorf("it is registered for batch %q", got)
			}
			p.Signal(c.signal)
			if code := p.Exit(); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			lines := strings.Split(strings.TrimSpace(p.Out.String()), "\n")
			var s summary
			if err := json.Unmarshal([]byte(lines[len(lines)-1]), &s); err != nil {
				t.Fatalf("the last line is no JSON object: %v", err)
			}
			if s.ExitCode != c.code || s.Pending != 1 || s.Running != 0 {
				t.Errorf("summary %+v, want one pending job and exit code %d", s, c.code)
			}
		})
	}
}

func TestClosedPipeDoesNotEndRun(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("CREATE TABLE gate (open boolean); INSERT INTO gate VALUES (false)")
	db.Insert(storetest.Row{"batch": "b", "payload": `{"statement": "DO $$ BEGIN WHILE NOT (SELECT open FROM public.gate) LOOP PERFORM pg_sleep(0.01); END LOOP; END $$"}`})
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := exec.Command("tagexec", "run", "--batch", "b", "--progress", "10ms")
	p.Env = append(os.Environ(), "TAGEXEC_DATABASE_URL="+db.URL, "TAGEXEC_SQL_SOURCES=db="+db.URL, "TAGEXEC_POLL_INTERVAL=20ms")
	p.Stdout, p.Stderr = write, write
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	waitState(t, db, "running", 1)
	read.Close()
	db.Exec("UPDATE gate SET open = true")
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
	waitState(t, db, "succeeded", 1)
}

func TestCommandsThatMisbehave(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	dir := t.TempDir()
	scripts := map[string]string{
		"grandchild": "sleep 600 & echo started",
		"flood":      "head -c 1073741824 /dev/zero | tr '\\0' x; echo; echo '{\"printed\": true}'",
		"garbage":    `printf 'a\0b\377\376c\n'`,
	}
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		db.Insert(storetest.Row{"tag": name, "kind": "command", "payload": map[string]any{"command": name}})
	}
	p := start(t, db, []string{"serve"}, "TAGEXEC_COMMANDS_DIR="+dir, "TAGEXEC_COMMAND_ENV=PATH")
	clitest.Eventually(t, "all ended", func() bool {
		return storetest.One[int64](db, "SELECT count(*) FROM tagexec.tag_jobs WHERE state IN ('pending', 'running')") == 0
	})
	if n := storetest.One[int64](db, "SELECT count(*) FROM tagexec.tag_jobs WHERE state = 'succeeded'"); n != 3 {
		t.Errorf("%d of 3 succeeded: %v", n, storetest.All[string](db, "SELECT tag || ': ' || coalesce(error, '') FROM tagexec.tag_jobs"))
	}
	const attempt = "FROM tagexec.tag_job_attempts a JOIN tagexec.tag_jobs j ON j.id = a.job_id WHERE j.tag = $1"
	if n := storetest.One[int64](db, "SELECT a.output_bytes "+attempt, "flood"); n < 1<<30 {
		t.Errorf("the flood counts %d bytes, want at least 1 GB", n)
	}
	if n := storetest.One[int64](db, "SELECT length(a.output)::bigint "+attempt, "flood"); n > 70_000 {
		t.Errorf("%d characters of the flood are kept", n)
	}
	if out := storetest.One[string](db, "SELECT a.output "+attempt, "garbage"); out != "a␀b\\xff\\xfec\n" {
		t.Errorf("garbage is stored as %q", out)
	}
	status, err := os.ReadFile("/proc/" + strconv.Itoa(p.Process.Pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	if m := regexp.MustCompile(`VmHWM:\s+(\d{6,}) kB`).FindSubmatch(status); m != nil && string(m[1]) > "200000" && len(m[1]) >= 6 {
		t.Errorf("the executor's peak memory was %s kB", m[1])
	}
	p.Signal(syscall.SIGTERM)
	p.Exit()
}

func TestHealthEndpoints(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	p := start(t, db, []string{"serve"}, "TAGEXEC_HTTP_USER=me", "TAGEXEC_HTTP_PASSWORD=secret", "TAGEXEC_LOG_FORMAT=json")
	address := regexp.MustCompile(`"healthz":"(http://[^"]+)/healthz"`)
	clitest.Eventually(t, "health endpoints", func() bool { return address.MatchString(p.ErrOut.String()) })
	origin := address.FindStringSubmatch(p.ErrOut.String())[1]
	get := func(path string, login bool) (int, string) {
		request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, origin+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if login {
			request.SetBasicAuth("me", "secret")
		}
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(body)
	}
	clitest.Eventually(t, "ready", func() bool { code, _ := get("/readyz", false); return code == 200 })
	for _, c := range []struct {
		path  string
		login bool
		code  int
	}{{"/healthz", false, 200}, {"/", false, 401}, {"/", true, 200}, {"/nothing", true, 404}} {
		if code, body := get(c.path, c.login); code != c.code {
			t.Errorf("GET %s, login %t: %d %s, want %d", c.path, c.login, code, body, c.code)
		}
	}
	p.Signal(syscall.SIGTERM)
	p.Exit()
	if strings.Contains(p.ErrOut.String(), "secret") {
		t.Error("the password is in the log")
	}
}
