package runner_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
)

func onlyLinux(t *testing.T, why string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux " + why)
	}
}

func TestWhatHidesInAnotherSessionEndsWithTheCommand(t *testing.T) {
	t.Parallel()
	onlyLinux(t, "gives orphans to whom wants them")
	for name, script := range map[string]string{
		"its child":               `setsid sh -c 'echo $$ > "$1"; exec sleep 300' - "$1" & until [ -s "$1" ]; do :; done`,
		"an orphan":               `(setsid sh -c 'echo $$ > "$1"; exec sleep 300' - "$1" &); until [ -s "$1" ]; do :; done`,
		"one without the output":  `setsid sh -c 'echo $$ > "$1"; exec sleep 300' - "$1" </dev/null >/dev/null 2>&1 & until [ -s "$1" ]; do :; done`,
		"one without environment": `setsid env -i /bin/sh -c 'echo $$ > "$1"; exec sleep 300' - "$1" & until [ -s "$1" ]; do :; done`,
		"a family":                `setsid sh -c 'setsid sh -c "setsid sh -c \"echo \\\$\\\$ > $1; exec sleep 300\" & wait" & wait' - "$1" & until [ -s "$1" ]; do :; done`,
		"one that is stopped":     `setsid sh -c 'echo $$ > "$1"; kill -STOP $$' - "$1" & until [ -s "$1" ]; do :; done`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "pid")
			run := start(t.Context(), commands(t, script+`; echo '{"a":1}'`, nil), `{"command":"run","args":["`+file+`"]}`)
			run.within(t, 20*time.Second)
			if run.err != nil {
				t.Fatal(run.err)
			}
			if !gone(pidIn(t, file)) {
				t.Error("it is alive")
			}
			if strings.Contains(run.out.Output, "left behind") {
				t.Errorf("waited for the output: %q", run.out.Output)
			}
			wantJSON(t, run.out.Value, `{"a":1}`)
		})
	}
}

func TestWhatHidesInAnotherSessionIsEndedByCancel(t *testing.T) {
	t.Parallel()
	onlyLinux(t, "gives orphans to whom wants them")
	file := filepath.Join(t.TempDir(), "pid")
	c := commands(t, `trap '' TERM; (setsid sh -c 'echo $$ > "$1"; exec sleep 300' - "$1" &); while :; do sleep 1; done`,
		func(o *runner.CommandOptions) { o.KillGrace = 50 * time.Millisecond })
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	run := start(ctx, c, `{"command":"run","args":["`+file+`"]}`)
	pid := pidIn(t, file)
	cancel(executor.ErrCancelled)
	run.within(t, 20*time.Second)
	if !gone(pid) {
		t.Error("it is alive")
	}
}

func TestOrphansAreReapedWhileTheCommandRuns(t *testing.T) {
	t.Parallel()
	onlyLinux(t, "gives orphans to whom wants them")
	// A zombie is in /proc too.
	c := commands(t, `
for i in 1 2 3 4 5 6 7 8; do orphans="$orphans $(sh -c 'sleep 0.01 >/dev/null & echo $!')"; done
for p in $orphans; do while [ -e /proc/$p ]; do :; done; done
echo reaped $(echo $orphans | wc -w)`, nil)
	run := start(t.Context(), c, `{"command":"run"}`)
	run.within(t, 20*time.Second)
	if run.err != nil || run.out.Output != "reaped 8\n" {
		t.Errorf("output %q, error %v", run.out.Output, run.err)
	}
}

// A command can do this to its parent, whatever that is.
func TestACommandThatStopsItsGuardianHarmsNobody(t *testing.T) {
	t.Parallel()
	onlyLinux(t, "tells of a child that was stopped")
	c := commands(t, `kill -STOP $PPID; echo ok`, nil)
	for range 20 {
		run := start(t.Context(), c, `{"command":"run"}`)
		run.within(t, 20*time.Second)
		if run.err != nil || run.out.Output != "ok\n" {
			t.Fatalf("output %q, error %v", run.out.Output, run.err)
		}
	}
}

func TestACommandThatKeepsItsGuardianStoppedCanBeCancelled(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	c := commands(t, `trap '' TERM; echo $$ > "$1"; while :; do kill -STOP $PPID; done`,
		func(o *runner.CommandOptions) { o.KillGrace = 50 * time.Millisecond })
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	run := start(ctx, c, `{"command":"run","args":["`+file+`"]}`)
	pid := pidIn(t, file)
	cancel(executor.ErrTimeout)
	run.within(t, 20*time.Second)
	eventually(t, "the command ends", func() bool { return gone(pid) })
}

func TestACommandThatKillsItsGuardianEndsWithIt(t *testing.T) {
	t.Parallel()
	onlyLinux(t, "has a parent-death signal")
	file := filepath.Join(t.TempDir(), "pid")
	c := commands(t, `sleep 300 & echo $! > "$1"; kill -KILL $PPID; sleep 300`, nil)
	run := start(t.Context(), c, `{"command":"run","args":["`+file+`"]}`)
	run.within(t, 20*time.Second)
	wantFailure(t, run.err, "killed", false, "watches over it")
	pid := pidIn(t, file)
	eventually(t, "its child ends", func() bool { return gone(pid) })
}

func TestACommandFindsNothingOfTheExecutorInItsParent(t *testing.T) {
	t.Setenv("RUNNER_TEST_HIDDEN", "hush-hush")
	file, err := os.Create(filepath.Join(t.TempDir(), "inherited"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	inherited, err := syscall.Dup(int(file.Fd())) // stays open in every program that is started
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(inherited)
	c := commands(t, `cat /proc/$PPID/environ; ls -l /proc/$$/fd; echo seen`, nil)
	run := start(t.Context(), c, `{"command":"run"}`)
	run.within(t, 20*time.Second)
	if !strings.HasSuffix(run.out.Output, "seen\n") || strings.Contains(run.out.Output, "hush-hush") || strings.Contains(run.out.Output, "inherited") {
		t.Errorf("a command saw %s", run.out.Output)
	}
}

const mortalDir = "TAGEXEC_RUNNER_TEST_DIR"

// mortalExecutor runs a command until it is killed.
func mortalExecutor(dir string) {
	c, err := runner.NewCommand(runner.CommandOptions{Dir: dir, Env: []string{"PATH"}})
	if err != nil {
		panic(err)
	}
	_, _ = c.Run(context.Background(), job(`{"command":"run","args":["`+dir+`"]}`))
}

// startMortal starts an executor whose command has written its process id to a
// file pid. Its temporary files are in tmp.
func startMortal(t *testing.T, script string) (mortal *exec.Cmd, dir, tmp string) {
	t.Helper()
	dir, tmp = t.TempDir(), t.TempDir()
	writeScript(t, dir, "run", script)
	mortal = exec.Command(os.Args[0])
	mortal.Env = append(os.Environ(), mortalDir+"="+dir, "TMPDIR="+tmp)
	mortal.Stderr = os.Stderr
	if err := mortal.Start(); err != nil {
		t.Fatal(err)
	}
	return mortal, dir, tmp
}

func TestACommandDiesWithItsExecutor(t *testing.T) {
	t.Parallel()
	mortal, dir, tmp := startMortal(t, `
sh -c 'trap "" TERM; echo $$ > "$1/child"; while :; do sleep 1; done' - "$1" &
mkdir -p locked/up && chmod 500 locked
until [ -s "$1/child" ]; do :; done
echo $$ > "$1/pid"; exec sleep 300`)
	pid, child := pidIn(t, filepath.Join(dir, "pid")), pidIn(t, filepath.Join(dir, "child"))
	if err := mortal.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = mortal.Wait() // killed
	eventually(t, "the command and its child end", func() bool { return gone(pid) && gone(child) })
	eventually(t, "its directory goes", func() bool { return len(namesIn(t, tmp)) == 0 })
}

func TestWhatHidesInAnotherSessionDiesWithTheExecutor(t *testing.T) {
	t.Parallel()
	onlyLinux(t, "gives orphans to whom wants them")
	mortal, dir, _ := startMortal(t, `(setsid sh -c 'echo $$ > "$1/pid"; exec sleep 300' - "$1" &); exec sleep 300`)
	pid := pidIn(t, filepath.Join(dir, "pid"))
	if err := mortal.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = mortal.Wait() // killed
	eventually(t, "the process ends", func() bool { return gone(pid) })
}

func TestRootCanRunCommandsAsAnotherUser(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if os.Geteuid() != 0 {
		_, err := runner.NewCommand(runner.CommandOptions{Dir: dir, User: "nobody"})
		wantRefusal(t, err, "only root can")
		return
	}
	for _, name := range []string{"root", "0", "no-such-user"} {
		_, err := runner.NewCommand(runner.CommandOptions{Dir: dir, User: name})
		wantRefusal(t, err, `commands cannot run as user "`+name+`"`)
	}
	// Where an ordinary user gets through, unlike t.TempDir.
	open, err := os.MkdirTemp("", "open-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(open) })
	chmod(t, open, 0o755)
	writeScript(t, open, "run", `exec 2>&1; id -u; id -G; touch mine && echo wrote; cat /proc/$PPID/environ || echo hidden`)
	c := newCommand(t, runner.CommandOptions{Dir: open, User: "nobody", Env: []string{"PATH"}})
	run := start(t.Context(), c, `{"command":"run"}`)
	run.within(t, 20*time.Second)
	if run.err != nil || !strings.HasPrefix(run.out.Output, "65534\n65534\nwrote\n") || !strings.HasSuffix(run.out.Output, "hidden\n") {
		t.Errorf("output %q, error %v", run.out.Output, run.err)
	}
}
