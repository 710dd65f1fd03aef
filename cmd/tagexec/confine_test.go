package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/store/storetest"
)

// commandDir makes a commands directory of shell scripts.
func commandDir(t *testing.T, scripts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A command looks at all processes above it, and at the descriptors that it and
// its parent have. As root it may.
func TestACommandFindsNothingOfTheExecutor(t *testing.T) {
	t.Parallel()
	dir := commandDir(t, map[string]string{"look": `
p=$$
ls -l /proc/$$/fd /proc/$PPID/fd
while [ "$p" -gt 1 ]; do
	p=$(sed -n 's/^PPid:[^0-9]*//p' /proc/$p/status)
	cat /proc/$p/environ /proc/$p/cmdline | tr '\0' '\n'
done 2>/dev/null | grep -e hush-hush
echo looked`})
	for name, args := range map[string][]string{"serve": {"serve"}, "run": {"run", "--batch", "b"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			db.Insert(storetest.Row{"batch": "b", "kind": "command", "payload": `{"command": "look"}`})
			inherited, err := os.Create(filepath.Join(t.TempDir(), "inherited"))
			if err != nil {
				t.Fatal(err)
			}
			defer inherited.Close()
			p := clitest.New(t, "tagexec", args...)
			p.ExtraFiles = []*os.File{inherited}
			p.Env = append(os.Environ(), "TAGEXEC_DATABASE_URL="+db.URL, "TAGEXEC_COMMANDS_DIR="+dir, "TAGEXEC_COMMAND_ENV=PATH",
				"TAGEXEC_HTTP_ADDR=127.0.0.1:0", "TAGEXEC_HTTP_USER=me", "TAGEXEC_HTTP_PASSWORD=hush-hush", "AIRFLOW_CONN_X=hush-hush")
			if err := p.Start(); err != nil {
				t.Fatal(err)
			}
			waitState(t, db, "succeeded", 1)
			output := storetest.One[string](db, "SELECT output FROM tagexec.tag_job_attempts")
			for _, hidden := range []string{"hush-hush", inherited.Name()} {
				if strings.Contains(output, hidden) {
					t.Errorf("a command found %s:\n%s", hidden, output)
				}
			}
			if !strings.HasSuffix(output, "looked\n") {
				t.Errorf("it did not look: %s", output)
			}
			if name == "serve" {
				p.Signal(syscall.SIGTERM)
			}
			p.Exit()
		})
	}
}
