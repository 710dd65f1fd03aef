package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

func TestInterruptedChaosLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	p := launch(t, []string{"bench", "chaos", "--minutes", "5"}, "TMPDIR="+openDir(t))
	eventually(t, "faults", func() bool { return regexp.MustCompile(`\b([2-9]|\d\d) faults`).MatchString(p.errOut.String()) })
	dir := regexp.MustCompile(`/\S*tagexec-postgres-\d+`).FindString(p.errOut.String())
	if dir == "" || len(processesWith(t, dir)) < 2 {
		t.Errorf("the processes of %q are %v, want a server and executors", dir, processesWith(t, dir))
	}
	p.signal(syscall.SIGINT)
	if code := p.exit(); code != 130 {
		t.Errorf("exit code %d, want 130; %s", code, p.errOut.String())
	}
	eventually(t, "the end of all processes", func() bool { return len(processesWith(t, dir)) == 0 })
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", dir, err)
	}
}

// openDir is a new directory that every user can reach: the server of root runs
// as somebody else.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// processesWith returns the processes that name text in their arguments or their
// environment.
func processesWith(t *testing.T, text string) (found []string) {
	t.Helper()
	list, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range list {
		// Either can be gone, or somebody else's.
		arguments, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		environment, _ := os.ReadFile(filepath.Join(dir, "environ"))
		if strings.Contains(string(arguments)+string(environment), text) {
			found = append(found, strings.ReplaceAll(string(arguments), "\x00", " "))
		}
	}
	return found
}
