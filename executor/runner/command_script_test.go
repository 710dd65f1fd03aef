package runner_test

import (
	"strings"
	"testing"

	"github.com/tagexec/tagexec/executor/runner"
)

// The kernel says "no such file or directory" of a script that is there.
func TestCommandScriptsThatCannotStartSayWhy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c, err := runner.NewCommand(runner.CommandOptions{Dir: dir, Env: []string{"PATH"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	for name, tt := range map[string]struct{ content, code, message string }{
		"crlf":      {"#!/bin/sh\r\necho hello\r\n", "start_failed", "CR LF"},
		"crlf-body": {"#!/bin/sh\nexec 2>/dev/null\nif true; then\r\necho hello\r\nfi\r\n", "exit_status", "exited with status 2; lines of the script end with CR LF"},
		"crlf-env":  {"#!/usr/bin/env sh\r\necho hello\r\n", "exit_status", "CR LF"},
		"mark":      {"\xef\xbb\xbf#!/bin/sh\necho hello\n", "start_failed", "byte order mark"},
		"missing":   {"#!/usr/bin/python9 -u\nprint()\n", "start_failed", `the interpreter in its first line, "/usr/bin/python9", is not there`},
		"blank":     {"#! /bin/nosuchshell\n", "start_failed", `"/bin/nosuchshell", is not there`},
		"none":      {"echo hello\n", "start_failed", "nor a script that begins with a #! line"},
		"empty":     {"", "start_failed", "nor a script that begins with a #! line"},
		"own":       {"#!/bin/sh\necho not mine >&2; exit 127\n", "exit_status", "exited with status 127: not mine"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			writeExecutable(t, dir, name, tt.content)
			_, err := c.Run(t.Context(), job(`{"command":"`+name+`"}`))
			f := wantFailure(t, err, tt.code, false, tt.message)
			if strings.Contains(f.Message, dir) {
				t.Errorf("message %q holds the directory", f.Message)
			}
		})
	}
}
