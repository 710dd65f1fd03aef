package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/cmd/tagexec-bench/internal/chaos"
	"github.com/tagexec/tagexec/store/devpg"
	"github.com/tagexec/tagexec/store/storetest"
)

func TestChaosOnADatabaseThatCannotBeCrashed(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Allow("pool_limit") // pools are made smaller while jobs run
	p := clitest.Launch(t, "tagexec-bench", []string{"chaos", "--minutes", "0.1", "--seed", "7", "--database", db.URL, "--json"})
	if code := p.Exit(); code != 0 {
		t.Fatalf("exit code %d: %s", code, p.Out.String())
	}
	report := p.Out.String()
	for _, want := range []string{`"scenario":"chaos","seed":7,`, `"lost jobs":0`, `"findings":[]`} {
		if !strings.Contains(report, want) {
			t.Errorf("the report has no %s: %s", want, report)
		}
	}
	var told struct {
		Faults  map[string]int    `json:"faults"`
		LeftOut map[string]string `json:"faults_left_out"`
	}
	if err := json.Unmarshal([]byte(report), &told); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"server crashed", "server away past the lease", "clock step"} {
		if told.Faults[name] != 0 || told.LeftOut[name] != "the server is not ours" {
			t.Errorf("%s: injected %d times, left out because %q", name, told.Faults[name], told.LeftOut[name])
		}
	}
	if n := storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_jobs WHERE state IN ('pending', 'running')"); n != 0 {
		t.Errorf("%d jobs are left undone", n)
	}
	again := clitest.Launch(t, "tagexec-bench", []string{"chaos", "--minutes", "0.1", "--database", db.URL})
	if code := again.Exit(); code != 2 || !strings.Contains(again.ErrOut.String(), "holds jobs already") {
		t.Errorf("exit code %d: %s", code, again.ErrOut.String())
	}
}

// A run that cannot move the clock says so.
func TestChaosWithoutACompilerLeavesTheClockAlone(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	var (
		o       chaos.Options
		options devpg.Options
	)
	remove, err := addClock(t.Context(), &o, &options)
	defer remove()
	if err != nil || o.Clock != nil || options.Preload != "" || !strings.Contains(o.NoClock, "there is no cc in PATH") {
		t.Errorf("%v, %+v, preload %q", err, o, options.Preload)
	}
}

func TestInterruptedChaosLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	p := clitest.Launch(t, "tagexec-bench", []string{"chaos", "--minutes", "5"}, "TMPDIR="+openDir(t))
	clitest.Eventually(t, "faults", func() bool { return regexp.MustCompile(`\b([2-9]|\d\d) faults`).MatchString(p.ErrOut.String()) })
	dir := regexp.MustCompile(`/\S*tagexec-postgres-\d+`).FindString(p.ErrOut.String())
	if dir == "" || len(processesWith(t, dir)) < 2 {
		t.Errorf("the processes of %q are %v, want a server and executors", dir, processesWith(t, dir))
	}
	p.Signal(syscall.SIGINT)
	if code := p.Exit(); code != 130 {
		t.Errorf("exit code %d, want 130; %s", code, p.ErrOut.String())
	}
	clitest.Eventually(t, "the end of all processes", func() bool { return len(processesWith(t, dir)) == 0 })
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
