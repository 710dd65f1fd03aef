package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/clitest"
	"github.com/tagexec/tagexec/cmd/tagexec-bench/internal/bench"
	"github.com/tagexec/tagexec/store/storetest"
)

// figures are numbers of one variant or baseline, by their names in the JSON.
type figures map[string]any

type benchResult struct {
	Ours   figures            `json:"ours"`
	Versus map[string]figures `json:"versus"`
}

type benchReport struct {
	Scenario string         `json:"scenario"`
	Settings map[string]any `json:"settings"`
	benchResult
	Variants map[string]benchResult `json:"variants"`
	Goals    []bench.Goal           `json:"goals"`
}

// What is reported of variants that work jobs off or insert them, and the rest.
var (
	rates   = []string{"jobs_per_second", "slices", "rss_bytes", "wal_bytes_per_job", "commits_per_job", "queries_per_job"}
	even    = append([]string{"slowest_to_fastest", "last_quarter_to_first"}, rates...)
	waits   = []string{"insert_to_start_ms"}
	memory  = []string{"bytes_per_job_in_flight", "rss_bytes"}
	idle    = []string{"queries_per_second", "commits_per_second", "rss_bytes"} // its share of a core may be too small to see
	compare = []string{"ratio"}
)

// Tiny runs: nothing about speed, all about what is reported. Whether all jobs were
// done, every run asks the tables itself.
func TestBenchScenarios(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args     string
		figures  []string
		versus   []string
		variants []string
	}{
		{"drain --jobs 500 --vs floor", rates, []string{"floor"}, []string{"without_dedupe_key_and_batch"}},
		{"drain --jobs 500 --vs floor,river", rates, []string{"floor", "river"}, []string{"without_dedupe_key_and_batch"}},
		{"backlog --jobs 300 --pending 900 --vs floor", rates, []string{"drain", "floor"}, nil},
		{"history --jobs 300 --finished 900", rates, []string{"drain"}, nil},
		{"multi --jobs 500 --processes 3 --vs floor", rates, []string{"drain", "floor"}, []string{"without_dedupe_key_and_batch"}},
		{"multi --jobs 500 --processes 2 --vs graphile,pgboss", rates, []string{"drain", "graphile", "pgboss"}, []string{"without_dedupe_key_and_batch"}},
		{"horizon --jobs 500", even, []string{"unhindered"}, []string{"limited_pool", "mutex_keys", "writing_transaction", "analysts"}},
		{"blocked --jobs 300 --pending 300", rates, []string{"unblocked"}, []string{
			"a_full_pool", "a_busy_key", "a_foreign_kind", "a_foreign_kind_of_higher_priority",
			"a_paused_pool_under_an_old_snapshot", "a_full_pool_under_an_old_snapshot", "a_busy_key_under_an_old_snapshot",
			"a_foreign_kind_under_an_old_snapshot", "a_foreign_kind_of_higher_priority_under_an_old_snapshot",
		}},
		{"limits --jobs 500", rates, []string{"unlimited"}, []string{"mutex_keys"}},
		{"latency --jobs 2", waits, []string{"floor", "polling"}, nil},
		{"insert --jobs 500", rates, []string{"bare"}, []string{"single_rows"}},
		{"notify --jobs 500", rates, []string{"polling"}, nil},
		{"memory --jobs 500", memory, nil, nil},
		{"idle --for 2s", idle, nil, nil},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			if _, err := exec.LookPath("npm"); err != nil && strings.Contains(c.args, "graphile") {
				var errOut bytes.Buffer
				line := append(strings.Fields(c.args), "--repeat", "1", "--database", db.URL)
				code := cli.Run(t.Context(), root, line, cli.Streams{Out: io.Discard, Err: &errOut})
				if code == 0 || !strings.Contains(errOut.String(), "needs the program npm") {
					t.Errorf("without npm: exit code %d\n%s", code, errOut.String())
				}
				return
			}
			r := benchJSON(t, db, c.args)
			name, _, _ := strings.Cut(c.args, " ")
			if r.Scenario != name || r.Settings["repeat"] != 1.0 || r.Settings["postgres"] == nil {
				t.Errorf("scenario %q with settings %v", r.Scenario, r.Settings)
			}
			wantFigures(t, name, r.benchResult, c.figures, c.versus)
			for _, variant := range c.variants {
				wantFigures(t, variant, r.Variants[variant], c.figures, nil)
			}
			if len(r.Variants) != len(c.variants) {
				t.Errorf("variants %v, want %v", r.Variants, c.variants)
			}
			if left := storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_jobs"); left != 0 {
				t.Errorf("%d jobs were left in the given database", left)
			}
		})
	}
}

// benchJSON runs a scenario once on a given database.
func benchJSON(t *testing.T, db *storetest.DB, args string) (r benchReport) {
	t.Helper()
	var out, errOut bytes.Buffer
	line := append(strings.Fields(args), "--repeat", "1", "--json", "--database", db.URL)
	if code := cli.Run(t.Context(), root, line, cli.Streams{Out: &out, Err: &errOut}); code != 0 {
		t.Fatalf("exit code %d\n%s", code, errOut.String())
	}
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return r
}

// wantFigures wants all figures of ours and of every baseline, and the ratios.
func wantFigures(t *testing.T, of string, r benchResult, names, versus []string) {
	t.Helper()
	all := map[string]figures{"ours": r.Ours}
	for _, name := range versus {
		all["versus "+name] = r.Versus[name]
		if slices.Contains(names, "jobs_per_second") {
			wantNumbers(t, of+", versus "+name, r.Versus[name], compare)
		}
	}
	for name, f := range all {
		wantNumbers(t, of+", "+name, f, names)
	}
	if versus != nil && len(r.Versus) != len(versus) {
		t.Errorf("%s: compared with %v, want %v", of, r.Versus, versus)
	}
}

// wantNumbers wants numbers above 0, also in lists and groups. Only a wait may be 0:
// a job may start before its producer hears that it was inserted.
func wantNumbers(t *testing.T, of string, f figures, names []string) {
	t.Helper()
	for _, name := range names {
		var numbers []any
		switch v := f[name].(type) {
		case []any:
			numbers = v
		case map[string]any:
			for _, n := range v {
				numbers = append(numbers, n)
			}
		default:
			numbers = []any{v}
		}
		for _, n := range numbers {
			if number, ok := n.(float64); !ok || number < 0 || number == 0 && name != waits[0] {
				t.Errorf("%s: %s is %v", of, name, f[name])
			}
		}
	}
}

func TestBenchGrowth(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	var out, errOut bytes.Buffer
	line := []string{"growth", "--jobs", "200", "--rows", "10000", "--repeat", "1", "--json", "--database", db.URL}
	if code := cli.Run(t.Context(), root, line, cli.Streams{Out: &out, Err: &errOut}); code != 0 {
		t.Fatalf("exit code %d\n%s", code, errOut.String())
	}
	var g struct{ Curves []struct{ Points []figures } }
	if err := json.Unmarshal(out.Bytes(), &g); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	var points []int
	for _, c := range g.Curves {
		points = append(points, len(c.Points))
		for _, p := range c.Points {
			wantNumbers(t, "a point", p, slices.Concat(rates, []string{"x"}))
		}
	}
	if want := []int{1, 1, 4, 5}; !slices.Equal(points, want) {
		t.Errorf("points of the curves: %v, want %v", points, want)
	}
}

func TestBenchRefusesAQueueInUse(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Insert(storetest.Row{})
	var errOut bytes.Buffer
	code := cli.Run(t.Context(), root, []string{"drain", "--database", db.URL}, cli.Streams{Out: io.Discard, Err: &errOut})
	if code != cli.ExitUsage || !strings.Contains(errOut.String(), "holds jobs already") {
		t.Errorf("exit code %d: %s", code, errOut.String())
	}
	if n := storetest.One[int](db, "SELECT count(*) FROM tagexec.tag_jobs"); n != 1 {
		t.Errorf("it now has %d jobs", n)
	}
}

func TestInterruptedBenchLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	p, dir, worker := benchAtWork(t)
	p.Signal(syscall.SIGINT)
	if code := p.Exit(); code != 130 {
		t.Errorf("exit code %d, want 130; %s", code, p.ErrOut.String())
	}
	clitest.Eventually(t, "the end of all processes", func() bool { return len(processesWith(t, dir)) == 0 && commandLine(worker) == "" })
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestKilledBenchLeavesNoProcess(t *testing.T) {
	t.Parallel()
	p, dir, worker := benchAtWork(t)
	p.Signal(syscall.SIGKILL)
	p.Exit()
	clitest.Eventually(t, "the end of all processes", func() bool { return len(processesWith(t, dir)) == 0 && commandLine(worker) == "" })
}

// benchAtWork returns a bench with a server, whose files are in dir, and an
// executor, its worker.
func benchAtWork(t *testing.T) (p *clitest.Process, dir string, worker int) {
	t.Helper()
	dir = openDir(t)
	p = clitest.Launch(t, "tagexec-bench", []string{"latency", "--jobs", "10000"}, "TMPDIR="+dir)
	clitest.Eventually(t, "an executor at work", func() bool { return strings.Contains(p.ErrOut.String(), "inserting") })
	if list := processesWith(t, dir); len(list) == 0 {
		t.Error("there is no server")
	}
	for _, child := range childrenOf(t, p.Process.Pid) {
		if strings.Contains(commandLine(child), "tagexec-bench worker") {
			return p, dir, child
		}
	}
	t.Fatal("there is no worker")
	return nil, "", 0
}

// childrenOf returns the children of a process.
func childrenOf(t *testing.T, parent int) (children []int) {
	t.Helper()
	list, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range list {
		text, _ := os.ReadFile(file) // the thread can be gone
		for _, field := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(field)
			if err != nil {
				t.Fatal(err)
			}
			children = append(children, child)
		}
	}
	return children
}

// commandLine is how a process was started; empty when it has ended.
func commandLine(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.ReplaceAll(string(text), "\x00", " ")
}
