//go:build deploy

package examples_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// runTool runs a tool of Debian's on files of ours, and returns what it printed.
func runTool(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	command := exec.Command(name, args...)
	command.Dir = dir
	out, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestDeployAlertsFireAndDoNot(t *testing.T) {
	t.Parallel()
	runTool(t, "prometheus", "promtool", "check", "rules", "rules.yml")
	runTool(t, "prometheus", "promtool", "test", "rules", "rules_test.yml")

	rules, tests := read(t, "prometheus/rules.yml"), read(t, "prometheus/rules_test.yml")
	alerts := regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(rules, -1)
	links := regexp.MustCompile(`runbook_url: \S+/production/runbook\.md#(\w+)`).FindAllStringSubmatch(rules, -1)
	if len(alerts) != 14 || len(links) != len(alerts) {
		t.Fatalf("%d alerts, %d links to the runbook", len(alerts), len(links))
	}
	headings := anchors(t, "production/runbook.md")
	for i, alert := range alerts {
		name := alert[1]
		if links[i][1] != strings.ToLower(name) || !slices.Contains(headings, links[i][1]) {
			t.Errorf("%s leads to %q in the runbook", name, links[i][1])
		}
		if !regexp.MustCompile(`alertname: ` + name + `, eval_time: \w+, exp_alerts: \[\]`).MatchString(tests) {
			t.Errorf("no test shows that %s does not fire", name)
		}
		if !regexp.MustCompile(`alertname: ` + name + `(\n|, )\s*eval_time: \w+(\n|, )\s*exp_alerts: *(\n|&\w+ \[|\*|\[\{)`).MatchString(tests) {
			t.Errorf("no test shows that %s fires", name)
		}
	}
}

// Prometheus itself reads the queries of the board, as rules.
func TestDeployTheBoardAsksWhatPrometheusUnderstands(t *testing.T) {
	t.Parallel()
	var board struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	if err := json.Unmarshal([]byte(read(t, "grafana/operators.json")), &board); err != nil {
		t.Fatal(err)
	}
	var rules strings.Builder
	rules.WriteString("groups:\n  - name: board\n    rules:\n")
	n := 0
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			expr := strings.NewReplacer("$__rate_interval", "1m", "$pool", "default|warehouse").Replace(target.Expr)
			if n++; strings.Contains(expr, "$") {
				t.Errorf("a variable is not known: %s", expr)
			}
			quoted, _ := json.Marshal(expr) // JSON is YAML
			fmt.Fprintf(&rules, "      - {record: 'q%d', expr: %s}\n", n, quoted)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "rules.yml"), []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := runTool(t, dir, "promtool", "check", "rules", "rules.yml"); !strings.Contains(out, fmt.Sprintf("%d rules found", n)) {
		t.Errorf("%d queries: %s", n, out)
	}
}

// The configuration, with the file of the token that it names.
func TestDeployPrometheusReadsItsConfiguration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"prometheus.yml", "rules.yml"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(read(t, "prometheus/"+name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "metrics-token"), []byte("0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := runTool(t, dir, "promtool", "check", "config", "prometheus.yml"); !strings.Contains(out, "14 rules found") {
		t.Error(out)
	}
}

// systemd reads the unit, with a program where it starts one.
func TestDeploySystemdReadsTheUnit(t *testing.T) {
	t.Parallel()
	unit := read(t, "production/tagexec.service")
	dir := t.TempDir()
	file, program := filepath.Join(dir, "tagexec.service"), filepath.Join(dir, "tagexec")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(unit, "ExecStart=/usr/local/bin/tagexec", "ExecStart="+program, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := runTool(t, dir, "systemd-analyze", "verify", file); out != "" { // it only warns of a directive that it does not know
		t.Error(out)
	}
	value := func(name string) string {
		m := regexp.MustCompile(`(?m)^(?:Environment=)?` + name + `=(.*)$`).FindStringSubmatch(unit)
		if m == nil {
			t.Fatalf("%s is not set", name)
		}
		return m[1]
	}
	var grace, stop int
	_, _ = fmt.Sscanf(value("TAGEXEC_SHUTDOWN_GRACE"), "%ds", &grace)
	_, _ = fmt.Sscanf(value("TimeoutStopSec"), "%d", &stop)
	if value("KillMode") != "mixed" || grace == 0 || stop <= grace+5 {
		t.Errorf("KillMode %s, %d s of grace, %d s until it is killed", value("KillMode"), grace, stop)
	}
}
