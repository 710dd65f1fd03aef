package main

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/store/storetest"
)

// hostile ends its line, forges others, colours the terminal and turns text around.
const hostile = "line1\nsucceeded everything [ok] fine\r\n{\"batch\":\"b\",\"exit_code\":0}\u2028x\u0085\x1b[31m\u009b32m\u202eend"

// shown is how hostile stands in a line.
const shown = `line1\nsucceeded everything [ok] fine\r\n{"batch":"b","exit_code":0}\u2028x\u0085\u001b[31m\u009b32m\u202eend`

// lines checks that no line begins as hostile would have it, and that nothing a
// terminal obeys is there.
func checkLines(t *testing.T, where, text string) {
	t.Helper()
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, "succeeded everything") || strings.HasPrefix(line, `{"batch":"b","exit_code":0}`) {
			t.Errorf("a forged line on %s: %s", where, line)
		}
	}
	if at := strings.IndexAny(text, "\r\x1b\u0085\u009b\u2028\u202e"); at >= 0 {
		t.Errorf("%s holds %q", where, text[at:min(len(text), at+10)])
	}
}

func TestTextOfJobsForgesNoLine(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "fail"), []byte("#!/bin/sh\nprintf '%s' \"$1\" >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "jobs.jsonl")
	if err := os.WriteFile(file, storetest.JSON(map[string]any{"tag": hostile, "kind": "command", "max_attempts": 1, "payload": map[string]any{"command": "fail", "args": []string{hostile}}}), 0o644); err != nil {
		t.Fatal(err)
	}
	env := []string{"TAGEXEC_COMMANDS_DIR=" + dir, "TAGEXEC_LOG_LEVEL=debug"}
	for _, c := range []struct {
		args []string
		env  []string
		code int
		said string // on stderr
	}{
		{[]string{"run", "--batch", hostile, "--jobs", file}, append(env, "TAGEXEC_LOG_FORMAT=text"), 1, "failed " + shown + " [exit_status] "},
		{[]string{"run", "--batch", hostile}, append(env, "TAGEXEC_LOG_FORMAT=json"), 1, "failed " + shown},
		{[]string{"run", "--batch", "unknown " + hostile}, env, 2, `there is no batch "unknown line1\nsucceeded`},
		{[]string{"submit", "--batch", "b", "--jobs", file + hostile}, env, 2, shown},
		{[]string{"submit", "--batch", "b", "--jobs", "-"}, env, 2, `line 1 (tag "` + shown + `"): unknown pool "` + shown + `"`},
		{[]string{hostile}, env, 2, `unknown command "line1\nsucceeded`},
		{[]string{"serve", hostile}, env, 2, `got "line1\nsucceeded`},
		{[]string{"serve"}, append(env, "TAGEXEC_KINDS="+hostile), 2, `TAGEXEC_KINDS names "line1\nsucceeded`},
		{[]string{"serve"}, append(env, "TAGEXEC_HTTP_ADDR="+hostile), 2, "TAGEXEC_HTTP_ADDR"},
		{[]string{"serve"}, append(env, "TAGEXEC_COMMANDS_DIR="+hostile), 2, "TAGEXEC_COMMANDS_DIR"},
	} {
		p := clitest.New(t, "tagexec", c.args...)
		p.Env = append(append(os.Environ(), "TAGEXEC_DATABASE_URL="+db.URL, "TAGEXEC_POLL_INTERVAL=20ms"), c.env...)
		p.Stdin = strings.NewReader(string(storetest.JSON(map[string]any{"tag": hostile, "pool": hostile})))
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		if code := p.Exit(); code != c.code {
			t.Errorf("%q: exit code %d, want %d", c.args, code, c.code)
		}
		checkLines(t, "stdout", p.Out.String())
		checkLines(t, "stderr", p.ErrOut.String())
		if !strings.Contains(p.ErrOut.String(), c.said) {
			t.Errorf("%q\n got %s\nwant %s", c.args, p.ErrOut.String(), c.said)
		}
	}
}

func TestTextLogsKeepTheirLines(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		var log strings.Builder
		config.Config{LogLevel: "info", LogFormat: format}.Logger(&log).Info(hostile, "tag", hostile, "error", os.NewSyscallError(hostile, os.ErrInvalid))
		if strings.Count(log.String(), "\n") != 1 {
			t.Errorf("%d lines of %s log: %s", strings.Count(log.String(), "\n"), format, log.String())
		}
	}
}

// A command whose stdout is gone or full says so, whichever it is.
func TestStdoutThatIsClosedOrFull(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec("INSERT INTO tagexec.tag_jobs (tag, created_at, run_at) VALUES ('a finding', now() - interval '1 hour', now() - interval '1 hour')")
	for _, args := range [][]string{
		{"version"}, {"--version"}, {"help"}, {"help", "config"}, {"migrate", "up"}, {"migrate", "status"}, {"doctor"}, {"doctor", "--output", "json"},
		{"prune", "--older-than", "1d"}, {"submit", "--batch", "b", "--jobs", "-"}, {"run", "--batch", "b", "--jobs", "-"},
	} {
		own := 0
		if args[0] == "doctor" {
			own = 1 // it has found something, which says more
		}
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer full.Close()
		read, closed, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		read.Close()
		defer closed.Close()
		for name, c := range map[string]struct {
			stdout *os.File
			code   int
			said   string
		}{
			"full":   {full, cmp.Or(own, 2), "the result could not be written to stdout: no space left on device\n"},
			"closed": {closed, own, ""},
		} {
			cmd := exec.Command("tagexec", args...)
			cmd.Env = append(os.Environ(), "TAGEXEC_DATABASE_URL="+db.URL, "TAGEXEC_SQL_SOURCES=db="+db.URL, "TAGEXEC_POLL_INTERVAL=20ms", "TAGEXEC_LOG_LEVEL=error")
			var errOut strings.Builder
			cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(`{"tag":"a","payload":{"statement":"SELECT 1"}}`), c.stdout, &errOut
			_ = cmd.Run()
			if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.HasSuffix(errOut.String(), c.said) || c.said == "" && errOut.Len() > 0 {
				t.Errorf("%v with stdout %s: exit code %d, want %d; stderr %s", args, name, code, c.code, errOut.String())
			}
		}
	}
}
