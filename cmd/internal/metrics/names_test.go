package metrics_test

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql"
)

// promised are the names that dashboards and alerts rely on.
var promised = strings.Fields(`
	attempt_run_seconds attempt_wait_seconds attempts_total batches_overdue build_info claim_seconds claims_lost_total claims_total
	database_errors_total executors lease_seconds_left pool_paused pool_slots_used queue_due queue_oldest_due_seconds queue_pending
	queue_scrape_ok reaped_executors_total reaped_jobs_total record_seconds results_refused_total results_waiting results_waiting_bytes
	snapshot_age_seconds source_connections source_connections_max workers workers_busy workers_stuck pool_slots`)

// names returns the metrics of an executor whose queue has one pool without a limit.
func names(t *testing.T) []string {
	t.Helper()
	s := newScene(t, nil, &counted{})
	s.Follow(func() executor.Load { return executor.Load{} })
	s.FollowSources(func() map[string]sql.Connections {
		return map[string]sql.Connections{"warehouse": {InUse: 3, Idle: 1, Max: 16}}
	})
	s.Failed("claim", os.ErrDeadlineExceeded)
	return slices.Sorted(maps.Keys(families(t, s.url)))
}

func TestMetricsHaveThePromisedNames(t *testing.T) {
	t.Parallel()
	var got []string
	for _, name := range names(t) {
		if ours, isOurs := strings.CutPrefix(name, "tagexec_"); isOurs {
			got = append(got, ours)
		}
	}
	got = append(got, "pool_slots") // of a pool with a limit
	if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(promised))) {
		t.Errorf("got %q\nwant %q", got, promised)
	}
}

// What the examples ask for exists, and they ask for all that there is.
func TestExamplesNameMetricsThatExist(t *testing.T) {
	t.Parallel()
	known := append(names(t), "tagexec_pool_slots")
	for _, name := range known {
		if slices.Contains([]string{"tagexec_attempt_run_seconds", "tagexec_attempt_wait_seconds", "tagexec_claim_seconds", "tagexec_record_seconds"}, name) {
			known = append(known, name+"_bucket", name+"_count", name+"_sum")
		}
	}
	known = append(known, "tagexec_") // in a text
	named := map[string]bool{}
	for _, file := range []string{"prometheus/rules.yml", "prometheus/rules_test.yml", "grafana/operators.json"} {
		text, err := os.ReadFile("../../../examples/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`\b(tagexec|process|go)_\w*`).FindAllString(string(text), -1) {
			named[strings.TrimSuffix(name, "_bucket")] = true
			if !slices.Contains(known, name) {
				t.Errorf("%s asks for %s, which does not exist", file, name)
			}
		}
	}
	for _, name := range promised {
		if !named["tagexec_"+name] && name != "queue_pending" { // the board shows what is due
			t.Errorf("neither an alert nor the board asks for tagexec_%s", name)
		}
	}
}

func TestTheBoardForOperatorsIsWhole(t *testing.T) {
	t.Parallel()
	type source struct{ UID string }
	var board struct {
		Inputs []struct{ Name, Type string } `json:"__inputs"`
		Panels []struct {
			ID         int
			Title      string
			Datasource source
			GridPos    struct{ X, Y, W, H int }
			Targets    []struct {
				Datasource source
				Expr       string
			}
		}
	}
	text, err := os.ReadFile("../../../examples/grafana/operators.json")
	if err == nil {
		err = json.Unmarshal(text, &board)
	}
	if err != nil || len(board.Inputs) != 1 || board.Inputs[0].Name != "DS_PROMETHEUS" || board.Inputs[0].Type != "datasource" {
		t.Fatalf("inputs %+v, %v", board.Inputs, err)
	}
	ours, ids, taken := source{"${DS_PROMETHEUS}"}, map[int]bool{}, map[[2]int]string{}
	for _, p := range board.Panels {
		if ids[p.ID] || p.Datasource != ours || len(p.Targets) == 0 || p.Title == "" {
			t.Errorf("panel %d (%s) has another's id or data source, or no query", p.ID, p.Title)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			if target.Datasource != ours || !regexp.MustCompile(`\b(tagexec|process)_\w`).MatchString(target.Expr) {
				t.Errorf("panel %d (%s) asks %+v", p.ID, p.Title, target)
			}
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, isTaken := taken[[2]int{x, y}]; isTaken || x > 23 {
					t.Fatalf("%s lies over %s, or outside", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}
