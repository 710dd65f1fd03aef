package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/store/storetest"
)

// inContainer starts the program as process 1 of a process namespace of its own.
func inContainer(t *testing.T, env []string, args ...string) *clitest.Process {
	t.Helper()
	unshare := []string{"--pid", "--fork", "--mount-proc", "--kill-child"}
	if os.Geteuid() != 0 {
		unshare = append(unshare, "--user", "--map-root-user")
	}
	return clitest.Launch(t, "unshare", append(append(unshare, "tagexec"), args...), env...)
}

// childOf returns a child of a process, 0 if it has none.
func childOf(parent int) int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		stat, _ := os.ReadFile(file) // it may have ended
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) > 1 && string(fields[1]) == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			return pid
		}
	}
	return 0
}

func TestTheFirstProcessOfAContainerReapsWhatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	dir := commandDir(t, map[string]string{
		"orphans": "sleep 0.1 & sleep 0.1 & echo",
		// Its orphan is given to process 1.
		"stray": "setsid sleep 0.1 & kill -9 $PPID; sleep 60",
		"clean": "while cat /proc/[0-9]*/stat 2>/dev/null | grep -q ') Z '; do sleep 0.05; done",
		"look":  "cat /proc/1/environ; [ $$ -gt 1 ] && [ $PPID -gt 2 ]",
	})
	p := inContainer(t, []string{
		"TAGEXEC_DATABASE_URL=" + db.URL, "TAGEXEC_COMMANDS_DIR=" + dir, "TAGEXEC_COMMAND_ENV=PATH",
		"TAGEXEC_POLL_INTERVAL=20ms", "TAGEXEC_HTTP_ADDR=127.0.0.1:0", "TAGEXEC_HTTP_USER=me", "TAGEXEC_HTTP_PASSWORD=hush-hush",
	}, "serve")
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, kind, payload) SELECT 'orphans', 'command', '{"command": "orphans"}' FROM generate_series(1, 50)`)
	db.Exec(`INSERT INTO tagexec.tag_jobs (tag, kind, max_attempts, payload) SELECT 'stray', 'command', 1, '{"command": "stray"}' FROM generate_series(1, 5)`)
	waitState(t, db, "succeeded", 50)
	waitState(t, db, "failed", 5)
	if n := storetest.One[int64](db, "SELECT count(*) FROM tagexec.tag_jobs WHERE tag = 'stray' AND error_code <> 'killed'"); n != 0 {
		t.Errorf("%d jobs failed otherwise", n)
	}
	for _, command := range []string{"clean", "look"} {
		db.Insert(storetest.Row{"tag": command, "kind": "command", "payload": map[string]any{"command": command}})
	}
	waitState(t, db, "succeeded", 52)
	if n := storetest.One[int64](db, "SELECT count(*) FROM tagexec.tag_job_attempts WHERE output LIKE '%hush-hush%'"); n != 0 {
		t.Error("process 1 shows its environment")
	}
	if err := syscall.Kill(childOf(p.Process.Pid), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.Exit(); code != 143 {
		t.Errorf("exit code %d after SIGTERM, want 143", code)
	}
	if n := storetest.One[int64](db, "SELECT count(*) FROM tagexec.tag_executors WHERE stopped_at IS NOT NULL"); n != 1 {
		t.Error("it did not sign off")
	}
}

func TestTheFirstProcessOfAContainerHasTheProgramsExitCode(t *testing.T) {
	t.Parallel()
	p := inContainer(t, []string{"TAGEXEC_DATABASE_URL=nonsense"}, "serve")
	if code := p.Exit(); code != 2 {
		t.Errorf("exit code %d, want 2", code)
	}
}

// A command can stop all that it may signal, and that is the program too.
func TestTheFirstProcessOfAContainerContinuesAProgramThatWasStopped(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	dir := commandDir(t, map[string]string{"stop": "kill -STOP -1; echo stopped all"})
	p := inContainer(t, []string{
		"TAGEXEC_DATABASE_URL=" + db.URL, "TAGEXEC_COMMANDS_DIR=" + dir, "TAGEXEC_COMMAND_ENV=PATH",
		"TAGEXEC_POLL_INTERVAL=20ms", "TAGEXEC_HTTP_ADDR=127.0.0.1:0",
	}, "serve")
	for range 5 {
		db.Insert(storetest.Row{"kind": "command", "max_attempts": 1, "mutex_key": "one at a time", "payload": `{"command": "stop"}`})
	}
	waitState(t, db, "succeeded", 5)
	if err := syscall.Kill(childOf(p.Process.Pid), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.Exit(); code != 143 {
		t.Errorf("exit code %d after SIGTERM, want 143", code)
	}
}
