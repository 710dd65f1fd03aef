package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
)

// commands makes a runner over a directory that holds one shell script.
func commands(t testing.TB, script string, set func(*runner.CommandOptions)) *runner.Command {
	t.Helper()
	dir := t.TempDir()
	writeScript(t, dir, "run", script)
	opt := runner.CommandOptions{Dir: dir, Env: []string{"PATH"}}
	if set != nil {
		set(&opt)
	}
	return newCommand(t, opt)
}

func newCommand(t testing.TB, opt runner.CommandOptions) *runner.Command {
	t.Helper()
	c, err := runner.NewCommand(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func writeScript(t testing.TB, dir, name, script string) {
	t.Helper()
	writeExecutable(t, dir, name, "#!/bin/sh\n"+script+"\n")
}

func writeExecutable(t testing.TB, dir, name, content string) {
	t.Helper()
	// In a process of its own: were a file open for writing here while another
	// test forks, its first exec could fail with "text file busy".
	cmd := exec.Command("/bin/sh", "-c", `cat > "$0" && chmod 755 "$0"`, filepath.Join(dir, name))
	cmd.Stdin = strings.NewReader(content)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("write executable: %v: %s", err, out)
	}
}

// gone reports whether a process has ended, reaped or not.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return syscall.Kill(pid, 0) != nil
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(state, "Z") || strings.HasPrefix(state, "X")
}

// pidIn waits for a file that holds a process id.
func pidIn(t *testing.T, file string) int {
	t.Helper()
	var pid int
	eventually(t, "a process id in "+file, func() bool {
		text, _ := os.ReadFile(file)
		if !strings.HasSuffix(string(text), "\n") {
			return false
		}
		pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return pid > 0
	})
	return pid
}

func TestCommandOutcome(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, script, payload string
		code                  string // of the failure, "" for success
		message               string
		exit                  int32 // -1: none
		output, result        string
	}{
		{"success keeps output of both streams", `echo out; sleep 0.05; echo err >&2`, `{"command":"run"}`,
			"", "", 0, "out\nerr\n", ""},
		{"arguments arrive as they are, without a shell", `for a; do echo "[$a]"; done`, `{"command":"run","args":["a b","$HOME;*","","é"]}`,
			"", "", 0, "[a b]\n[$HOME;*]\n[]\n[é]\n", ""},
		{"standard input arrives", `cat`, `{"command":"run","stdin":"one\ntwo"}`,
			"", "", 0, "one\ntwo", ""},
		{"without standard input the command reads its end", `cat; echo end`, `{"command":"run"}`,
			"", "", 0, "end\n", ""},
		{"a command need not read its input", `exec 0<&-; echo ok`, `{"command":"run","stdin":"` + strings.Repeat("x", 200_000) + `"}`,
			"", "", 0, "ok\n", ""},
		{"a last line that is an object is the result", `echo x; echo '{"rows": 3}'`, `{"command":"run"}`,
			"", "", 0, "x\n{\"rows\": 3}\n", `{"rows":3}`},
		{"blank lines behind the result do not hide it", `printf '{"rows": 3}\r\n\n  \n'`, `{"command":"run"}`,
			"", "", 0, "{\"rows\": 3}\r\n\n  \n", `{"rows":3}`},
		{"a result needs no newline", `printf '{"rows": 3}'`, `{"command":"run"}`,
			"", "", 0, `{"rows": 3}`, `{"rows":3}`},
		{"an object that is not last is no result", `echo '{"rows": 3}'; echo done`, `{"command":"run"}`,
			"", "", 0, "{\"rows\": 3}\ndone\n", ""},
		{"a byte order mark before the result is passed over", `printf '\357\273\277{"rows": 3}\n'`, `{"command":"run"}`,
			"", "", 0, "\ufeff{\"rows\": 3}\n", `{"rows":3}`},
		{"an array is no result", `echo '[1]'`, `{"command":"run"}`,
			"", "", 0, "[1]\n", ""},
		{"an object on standard error is no result", `echo '{"rows": 3}' >&2`, `{"command":"run"}`,
			"", "", 0, "{\"rows\": 3}\n", ""},
		{"a status is a failure with the last line of standard error", `echo '{"a":1}'; echo first >&2; echo 'no such table' >&2; exit 3`, `{"command":"run"}`,
			"exit_status", "exited with status 3: no such table", 3, "", `{"a":1}`},
		{"a password in the last line is masked", `echo 'psql: FATAL: cannot connect with postgres://etl:S3cretPw@wh/db' >&2; exit 2`, `{"command":"run"}`,
			"exit_status", "exited with status 2: psql: FATAL: cannot connect with postgres://etl:[redacted]@wh/db", 2, "", ""},
		{"a password is masked before the line is cut", `printf '%0160d postgres://etl:S3cretPwOfManyLetters@wh/db\n' 0 >&2; exit 2`, `{"command":"run"}`,
			"exit_status", "exited with status 2: " + strings.Repeat("0", 160) + " postgres://etl:[redacted]@wh/db", 2, "", ""},
		{"a status without a word", `exit 255`, `{"command":"run"}`,
			"exit_status", "exited with status 255", 255, "", ""},
		{"a foreign SIGKILL hints at memory", `kill -9 $$`, `{"command":"run"}`,
			"killed", "killed by SIGKILL (out of memory?)", -1, "", ""},
		{"another signal is named", `kill -SEGV $$`, `{"command":"run"}`,
			"killed", "killed by SIGSEGV", -1, "", ""},
		{"NUL and broken UTF-8 come through", `printf 'a\000b\377\376c'`, `{"command":"run"}`,
			"", "", 0, "a\x00b\xff\xfec", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out, err := commands(t, tt.script, nil).Run(t.Context(), job(tt.payload))
			if tt.code == "" && err != nil {
				t.Fatal(err)
			}
			if tt.code != "" {
				if f := wantFailure(t, err, tt.code, false); f.Message != tt.message {
					t.Errorf("message %q, want %q", f.Message, tt.message)
				}
			}
			switch {
			case tt.exit < 0 && out.ExitCode != nil:
				t.Errorf("exit code %d, want none", *out.ExitCode)
			case tt.exit >= 0 && (out.ExitCode == nil || *out.ExitCode != tt.exit):
				t.Errorf("exit code %v, want %d", out.ExitCode, tt.exit)
			}
			if tt.output != "" && (out.Output != tt.output || out.OutputBytes != int64(len(tt.output))) {
				t.Errorf("output %q (%d bytes), want %q", out.Output, out.OutputBytes, tt.output)
			}
			if tt.result == "" && out.Value != nil {
				t.Errorf("result %s, want none", out.Value)
			}
			if tt.result != "" {
				wantJSON(t, out.Value, tt.result)
			}
		})
	}
}

func TestCommandRefusals(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "outside")
	touched := filepath.Join(t.TempDir(), "touched")
	writeScript(t, dir, "run", "touch "+touched)
	writeScript(t, dir, "real", "echo real")
	writeScript(t, filepath.Dir(outside), "outside", "touch "+touched)
	for link, to := range map[string]string{"in": "real", "out": outside, "sly": "../" + filepath.Base(filepath.Dir(outside)) + "/outside"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "plain"), []byte("#!/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o755); err != nil {
		t.Fatal(err)
	}
	c := newCommand(t, runner.CommandOptions{Dir: dir, EnvSettable: []string{"LANG"}})
	tests := []struct {
		name, payload, code string
		permanent           bool
		message             string
	}{
		{"no object", `[]`, "bad_payload", true, "payload: must be a JSON object, not an array"},
		{"no JSON", `{"command"`, "bad_payload", true, "not valid JSON"},
		{"nothing", ``, "bad_payload", true, "not valid JSON"},
		{"unknown field", `{"command":"run","arg":[]}`, "bad_payload", true, `payload: unknown field "arg" (known: command, args, env, stdin, traceparent)`},
		{"field in another case", `{"Command":"run"}`, "bad_payload", true, `unknown field "Command"`},
		{"command left out", `{}`, "bad_payload", true, "command is missing"},
		{"command of a wrong type", `{"command":7}`, "bad_payload", true, "command must be a string, not a number"},
		{"args no array", `{"command":"run","args":"x"}`, "bad_payload", true, "args must be an array, not a string"},
		{"argument no string", `{"command":"run","args":["x",1]}`, "bad_payload", true, "args[1] must be a string, not a number"},
		{"argument with NUL", `{"command":"run","args":["a\u0000b"]}`, "bad_payload", true, "args[0] holds a NUL"},
		{"env no object", `{"command":"run","env":["x"]}`, "bad_payload", true, "env must be an object, not an array"},
		{"env value no string", `{"command":"run","env":{"LANG":1}}`, "bad_payload", true, `env: "LANG" must be a string, not a number`},
		{"env value with NUL", `{"command":"run","env":{"LANG":"a\u0000"}}`, "bad_payload", true, `env: "LANG" holds a NUL`},
		{"env name with =", `{"command":"run","env":{"A=B":"x"}}`, "bad_payload", true, `"A=B" cannot be the name`},
		{"env name empty", `{"command":"run","env":{"":"x"}}`, "bad_payload", true, `cannot be the name`},
		{"stdin no string", `{"command":"run","stdin":{}}`, "bad_payload", true, "stdin must be a string, not an object"},
		{"path", `{"command":"/bin/sh"}`, "bad_payload", true, `command "/bin/sh" must be a plain file name`},
		{"parent directory", `{"command":"../outside"}`, "bad_payload", true, "plain file name"},
		{"parent directory alone", `{"command":".."}`, "bad_payload", true, "plain file name"},
		{"dot path", `{"command":"./run"}`, "bad_payload", true, "plain file name"},
		{"NUL in the command", `{"command":"run\u0000x"}`, "bad_payload", true, "plain file name"},
		{"env not settable", `{"command":"run","env":{"LD_PRELOAD":"/tmp/x.so"}}`, "env_not_allowed", true, `"LD_PRELOAD" may not be set`},
		{"own variable", `{"command":"run","env":{"TAGEXEC_JOB_ID":"1"}}`, "env_not_allowed", true, `"TAGEXEC_JOB_ID"`},
		{"unknown command", `{"command":"nope"}`, "command_not_allowed", false, `command "nope" is not in the commands directory`},
		{"command in another case", `{"command":"RUN"}`, "command_not_allowed", false, `"RUN"`},
		{"no x bit", `{"command":"plain"}`, "command_not_allowed", false, `command "plain" is not an executable file`},
		{"folder", `{"command":"folder"}`, "command_not_allowed", false, `"folder" is not an executable file`},
		{"fifo", `{"command":"fifo"}`, "command_not_allowed", false, `"fifo" is not an executable file`},
		{"link out of the directory", `{"command":"out"}`, "command_not_allowed", false, `"out"`},
		{"relative link out of the directory", `{"command":"sly"}`, "command_not_allowed", false, `"sly"`},
		{"shell syntax", `{"command":"run; touch x"}`, "command_not_allowed", false, "run; touch x"},
		{"endless name", `{"command":"` + strings.Repeat("n", 100_000) + `"}`, "command_not_allowed", false, "…"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := c.Run(t.Context(), job(tt.payload))
			f := wantFailure(t, err, tt.code, tt.permanent, tt.message)
			if len(f.Message) > 400 {
				t.Errorf("a message of %d bytes", len(f.Message))
			}
		})
	}
	if _, err := os.Stat(touched); err == nil {
		t.Error("something was run")
	}
	t.Run("a link inside the directory runs", func(t *testing.T) {
		if out, err := c.Run(t.Context(), job(`{"command":"in"}`)); err != nil || out.Output != "real\n" {
			t.Errorf("output %q, error %v", out.Output, err)
		}
	})
}

func TestCommandThatCannotStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "garbage"), []byte("\x01\x02\x03"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeScript(t, dir, "run", "true")
	c := newCommand(t, runner.CommandOptions{Dir: dir})
	_, err := c.Run(t.Context(), job(`{"command":"garbage"}`))
	f := wantFailure(t, err, "start_failed", false, "exec format error")
	if strings.Contains(f.Message, dir) {
		t.Errorf("message %q shows the path", f.Message)
	}
	_, err = c.Run(t.Context(), job(`{"command":"run","args":["`+strings.Repeat("x", 200_000)+`"]}`))
	wantFailure(t, err, "start_failed", true, "argument list too long")
}

func TestNewCommandListsEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := runner.NewCommand(runner.CommandOptions{
		Dir:         filepath.Join(t.TempDir(), "missing"),
		Env:         []string{"A=B", "TAGEXEC_TAG"},
		EnvSettable: []string{"", "LD_PRELOAD", "BASH_ENV", "TAGEXEC_DATABASE_URL", "PATH"},
		KillGrace:   -1,
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"missing", `"A=B"`, "TAGEXEC_TAG", "LD_PRELOAD", "BASH_ENV", "TAGEXEC_DATABASE_URL", `"PATH"`, "kill grace"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error does not name %s:\n%v", part, err)
		}
	}
	if _, err := runner.NewCommand(runner.CommandOptions{}); err == nil {
		t.Error("no directory was accepted")
	}
}

func TestCommandEnvironmentIsOnlyWhatIsListed(t *testing.T) {
	t.Setenv("RUNNER_TEST_PASSED", "from us")
	t.Setenv("RUNNER_TEST_HIDDEN", "secret")
	t.Setenv("LD_LIBRARY_PATH", "/nowhere")
	c := commands(t, `/usr/bin/env`, func(o *runner.CommandOptions) {
		o.Env = []string{"RUNNER_TEST_PASSED", "RUNNER_TEST_BOTH", "RUNNER_TEST_UNSET"}
		o.EnvSettable = []string{"RUNNER_TEST_BOTH", "LANG"}
	})
	t.Setenv("RUNNER_TEST_BOTH", "from us")
	batch, day := "run 1\nline 2", time.Date(1997, 1, 31, 0, 0, 0, 0, time.UTC)
	j := job(`{"command":"run","env":{"RUNNER_TEST_BOTH":"from the payload","LANG":"C"}}`)
	j.Batch, j.BizDate = &batch, &day
	out, err := c.Run(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"RUNNER_TEST_PASSED=from us\n", "RUNNER_TEST_BOTH=from the payload\n", "LANG=C\n", "TAGEXEC_JOB_ID=42\n", "TAGEXEC_ATTEMPT=2\n",
		"TAGEXEC_TAG=high_value\n", "TAGEXEC_BATCH=run 1\nline 2\n", "TAGEXEC_BIZ_DATE=1997-01-31\n",
	} {
		if !strings.Contains(out.Output, want) {
			t.Errorf("environment lacks %q", want)
		}
	}
	for _, banned := range []string{"HIDDEN", "LD_LIBRARY_PATH", "HOME=", "UNSET", "from us\nRUNNER_TEST_BOTH=from us"} {
		if strings.Contains(out.Output, banned) {
			t.Errorf("environment holds %q:\n%s", banned, out.Output)
		}
	}
}

func TestCommandWorksInAFreshDirectory(t *testing.T) {
	t.Parallel()
	c := commands(t, `pwd; ls -A; echo x > left; mkdir -p a/b`, nil)
	first, err := c.Run(t.Context(), job(`{"command":"run"}`))
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.Run(t.Context(), job(`{"command":"run"}`))
	if err != nil {
		t.Fatal(err)
	}
	if first.Output == second.Output || strings.Count(first.Output+second.Output, "\n") != 2 {
		t.Errorf("not fresh: %q, %q", first.Output, second.Output)
	}
	if _, err := os.Stat(strings.TrimSpace(first.Output)); !os.IsNotExist(err) {
		t.Errorf("the directory is left behind: %v", err)
	}
}

func TestOneGigabyteOfOutputTakesNoMemory(t *testing.T) {
	for name, script := range map[string]string{
		"without a newline": `head -c 1G /dev/zero`,
		"of lines":          `yes '{"a":"0123456789012345678901234567890123456789"}' | head -c 1G`,
	} {
		t.Run(name, func(t *testing.T) {
			c := commands(t, script, nil)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			out, err := c.Run(t.Context(), job(`{"command":"run"}`))
			runtime.ReadMemStats(&after)
			if err != nil {
				t.Fatal(err)
			}
			if out.OutputBytes != 1<<30 || len(out.Output) > 70_000 {
				t.Errorf("%d bytes counted, %d kept", out.OutputBytes, len(out.Output))
			}
			if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 4<<20 {
				t.Errorf("%d bytes allocated", allocated)
			}
		})
	}
}

func TestAProcessOfTheGroupIsNotLeftBehind(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"a grandchild that holds the output": `sleep 300 & echo $! > "$1"`,
		"a double fork":                      `(sh -c 'echo $$ > "$1"; exec sleep 300' - "$1" &) ; while ! [ -s "$1" ]; do :; done`,
		"a grandchild that ignores SIGTERM":  `sh -c 'trap "" TERM; echo $$ > "$1"; while :; do sleep 1; done' - "$1" & while ! [ -s "$1" ]; do :; done`,
		"a group that keeps forking":         `sh -c 'echo $$ > "$1"; while :; do sleep 0.01 & sleep 0.01; done' - "$1" & while ! [ -s "$1" ]; do :; done`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "pid")
			run := start(t.Context(), commands(t, script, nil), `{"command":"run","args":["`+file+`"]}`)
			run.within(t, 20*time.Second)
			if run.err != nil {
				t.Fatal(run.err)
			}
			if strings.Contains(run.out.Output, "left behind") {
				t.Errorf("waited for the output: %q", run.out.Output)
			}
			pid := pidIn(t, file)
			eventually(t, "the grandchild ends", func() bool { return gone(pid) })
		})
	}
}

func TestTheEndOfTheContextEndsTheGroup(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, script string
		grace        time.Duration
		output       string
	}{
		{"a command that sleeps", `echo $$ > "$1"; exec sleep 300`, 0, ""},
		{"a command that ignores SIGTERM", `trap '' TERM; sh -c 'trap "" TERM; echo $$ > "$1"; while :; do sleep 1; done' - "$1"`, 50 * time.Millisecond, ""},
		{"a command that cleans up and ends with 0", `trap 'echo cleaned; exit 0' TERM; echo $$ > "$1"; while :; do sleep 0.01; done`, 0, "cleaned\n"},
		{"a command that is stopped", `echo $$ > "$1"; kill -STOP $$`, 50 * time.Millisecond, ""},
	}
	for _, tt := range tests {
		for _, cause := range []error{executor.ErrCancelled, executor.ErrTimeout} {
			t.Run(tt.name+": "+cause.Error(), func(t *testing.T) {
				t.Parallel()
				file := filepath.Join(t.TempDir(), "pid")
				c := commands(t, tt.script, func(o *runner.CommandOptions) { o.KillGrace = tt.grace })
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				run := start(ctx, c, `{"command":"run","args":["`+file+`"]}`)
				pid := pidIn(t, file)
				cancel(cause)
				run.within(t, 15*time.Second)
				if !errors.Is(run.err, cause) {
					t.Errorf("got %v, want %v", run.err, cause)
				}
				if !strings.Contains(run.out.Output, tt.output) { // beside what the shell says
					t.Errorf("output %q lacks %q", run.out.Output, tt.output)
				}
				eventually(t, "the process ends", func() bool { return gone(pid) })
			})
		}
	}
}

func TestACommandIsNotStartedWhenTheContextHasEnded(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "touched")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(executor.ErrShutdown)
	_, err := commands(t, `touch "$1"`, nil).Run(ctx, job(`{"command":"run","args":["`+file+`"]}`))
	if !errors.Is(err, executor.ErrShutdown) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("it was run")
	}
}

func TestMemoryRunsOutOnTheCommandFirst(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has an out-of-memory score")
	}
	c := commands(t, `while ! [ "$(cat /proc/$$/oom_score_adj)" = 500 ]; do :; done`, nil)
	run := start(t.Context(), c, `{"command":"run"}`)
	run.within(t, 20*time.Second)
	if run.err != nil {
		t.Error(run.err)
	}
}

func TestManyCommandsAtOnce(t *testing.T) {
	t.Parallel()
	c := commands(t, `echo "{\"n\": $1}"`, nil)
	var runs []*running
	for i := range 50 {
		runs = append(runs, start(t.Context(), c, fmt.Sprintf(`{"command":"run","args":["%d"]}`, i)))
	}
	for i, run := range runs {
		run.within(t, 60*time.Second)
		if run.err != nil {
			t.Fatal(run.err)
		}
		wantJSON(t, run.out.Value, fmt.Sprintf(`{"n":%d}`, i))
	}
}

func FuzzCommandPayload(f *testing.F) {
	for _, seed := range []string{`{"command":"run","args":["a"],"env":{"LANG":"C"},"stdin":"x"}`, `{"command":null}`, `[]`, `{"command":"../x"}`} {
		f.Add([]byte(seed))
	}
	c := newCommand(f, runner.CommandOptions{Dir: f.TempDir()}) // holds nothing: nothing can run
	f.Fuzz(func(t *testing.T, payload []byte) { fuzzRefused(t, c, payload) })
}

// fuzzRefused runs a payload that nothing allows: it must end as a failure
// with one storable sentence.
func fuzzRefused(t *testing.T, r executor.Runner, payload []byte) {
	t.Helper()
	j := job("")
	j.Payload = json.RawMessage(payload)
	_, err := r.Run(t.Context(), j)
	var f *executor.Failure
	if !errors.As(err, &f) {
		t.Fatalf("%q: got %v, want a failure", payload, err)
	}
	if f.Code == "" || f.Message == "" || len(f.Message) > 1000 {
		t.Fatalf("%q: code %q, message of %d bytes", payload, f.Code, len(f.Message))
	}
}
