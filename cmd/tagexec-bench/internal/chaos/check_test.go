package chaos

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestOverlapsInTheHistory(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lines       string
		takenAway   map[attempt]bool
		keys, pools int
		findings    int
	}{
		"one after the other is no overlap": {`
			start 1.0 1 1 a free 1 k
			end 2.0 1 1 a free 1 k
			start 2.0 2 1 b free 1 k
			end 3.0 2 1 b free 1 k`, nil, 0, 0, 0},
		"a mutex key held twice is a finding": {`
			start 1.0 1 1 a free 1 k
			start 1.5 2 1 b free 1 k
			end 2.0 1 1 a free 1 k
			end 3.0 2 1 b free 1 k`, nil, 1, 0, 1},
		"a killed command holds its key until its last line": {`
			start 1.0 1 1 a free 1 k
			start 1.5 2 1 b free 1 k
			step 1.6 1 1 a free 1 k
			end 3.0 2 1 b free 1 k`, nil, 1, 0, 1},
		"of two attempts of one job": {`
			start 1.0 1 1 a free 1 k
			start 1.5 1 2 a free 1 k
			end 2.0 1 1 a free 1 k
			end 3.0 1 2 a free 1 k`, map[attempt]bool{{1, 1}: true}, 1, 0, 0},
		"commands without a key may run together": {`
			start 1.0 1 1 a free 1 -
			start 1.5 2 1 b free 1 -
			end 2.0 1 1 a free 1 -
			end 3.0 2 1 b free 1 -`, nil, 0, 0, 0},
		"a full pool is not over its size": {`
			start 1.0 1 1 a narrow 2 -
			start 1.5 2 1 b narrow 2 -
			end 2.0 1 1 a narrow 2 -
			end 3.0 2 1 b narrow 2 -`, nil, 0, 0, 0},
		"a pool over its size is a finding": {`
			start 1.0 1 1 a narrow 3 -
			start 1.5 2 1 b narrow 2 -
			end 2.0 1 1 a narrow 3 -
			end 3.0 2 1 b narrow 2 -`, nil, 0, 1, 1},
		"unless a command that was taken away makes it so": {`
			start 1.0 1 1 a narrow 3 -
			start 1.5 2 1 b narrow 2 -
			end 2.0 1 1 a narrow 3 -
			end 3.0 2 1 b narrow 2 -`, map[attempt]bool{{1, 1}: true}, 0, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var f findings
			keys, pools := written(t, c.lines).overlaps(c.takenAway, &f)
			if keys.Times != c.keys || pools.Times != c.pools || len(f.list) != c.findings {
				t.Errorf("mutex keys %s, pools %s, findings %v", keys, pools, f.list)
			}
		})
	}
}

func written(t *testing.T, lines string) *history {
	t.Helper()
	path := filepath.Join(t.TempDir(), "history")
	text := strings.ReplaceAll(strings.TrimSpace(lines), "\t", "") + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := readHistory(path)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// Each case breaks one promise in accounts that agree otherwise.
func TestEveryBrokenPromiseIsFound(t *testing.T) {
	t.Parallel()
	for rule, spoil := range map[string]func(b *testbed, t *tables, h *history){
		"": func(*testbed, *tables, *history) {},
		"lost_job": func(b *testbed, _ *tables, _ *history) {
			b.answers.note(accepted, []job{{Tag: "nowhere"}})
		},
		"job_from_nowhere": func(b *testbed, _ *tables, _ *history) {
			b.answers.entries = b.answers.entries[1:]
		},
		"insert_not_atomic": func(b *testbed, _ *tables, _ *history) {
			b.answers.entries[0] = entry{[]string{"sql", "not there"}, unknown}
		},
		"repeat_without_cause": func(_ *testbed, t *tables, _ *history) {
			j := t.byTag["command"]
			j.Outcomes[0] = "cancelled"
		},
		"effect_without_job": func(_ *testbed, t *tables, _ *history) {
			t.effects["nowhere"]++
		},
		"success_without_effect": func(_ *testbed, _ *tables, h *history) {
			h.runs[attempt{2, 2}].ended = false
		},
		"ran_twice": func(_ *testbed, _ *tables, h *history) {
			h.runs[attempt{2, 2}].starts++
		},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			var b testbed
			b.answers.note(accepted, []job{{Tag: "sql"}})
			b.answers.note(unknown, []job{{Tag: "command"}})
			b.answers.note(refused, []job{{Tag: "refused"}})
			tables, history := accounts(t)
			spoil(&b, tables, history)
			r := &Report{Jobs: map[string]int{}, Repeats: map[string]int{}}
			b.checkAccepted(t.Context(), tables, r)
			b.checkRepeats(tables, r)
			b.checkEffects(tables)
			b.checkHistory(tables, history)
			r.conclude(&b.findings)
			rules := map[string]bool{}
			for _, f := range r.Findings {
				rules[f.Rule] = true
			}
			if r.Kept() != (rule == "") || rule != "" && (len(rules) != 1 || !rules[rule]) {
				t.Errorf("found %v", r.Findings)
			}
			if broken := slices.ContainsFunc(promises, func(p promise) bool { return r.Counts[p.name] > 0 }); broken == r.Kept() {
				t.Errorf("the promises count %v", r.Counts)
			}
			if r.Repeats["failed"]+r.Repeats["operator"] != 1 {
				t.Errorf("repeats are %v, want one", r.Repeats)
			}
		})
	}
}

// accounts are of a SQL job that succeeded and a command that failed once.
func accounts(t *testing.T) (*tables, *history) {
	t.Helper()
	at := []time.Time{time.Unix(10, 0), time.Unix(20, 0)}
	sql := &stored{ID: 1, Tag: "sql", Kind: "sql", State: "succeeded", Outcomes: []string{"succeeded"}, Started: at[:1], Finished: at[:1]}
	command := &stored{ID: 2, Tag: "command", Kind: "command", State: "succeeded", Outcomes: []string{"failed", "succeeded"}, Started: at, Finished: at}
	h := written(t, `
		start 1.0 2 1 command free 1 -
		failed 2.0 2 1 command free 1 -
		start 3.0 2 2 command free 1 -
		end 4.0 2 2 command free 1 -`)
	return &tables{
		jobs:    []*stored{sql, command},
		byTag:   map[string]*stored{"sql": sql, "command": command},
		byID:    map[int64]*stored{1: sql, 2: command},
		effects: map[string]int{"sql": 1},
	}, h
}
