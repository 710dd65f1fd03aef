package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
)

// Report is what a run has shown.
type Report struct {
	Scenario string         `json:"scenario"` // chaos
	Seed     uint64         `json:"seed"`
	Minutes  float64        `json:"minutes"`
	Faults   map[string]int `json:"faults"`
	// LeftOut are faults that could not be injected here, with the reason.
	LeftOut map[string]string `json:"faults_left_out"`

	Accepted     int `json:"jobs_accepted"`
	Refused      int `json:"jobs_refused"`
	Unknown      int `json:"jobs_unknown"` // the producer was not answered …
	UnknownThere int `json:"jobs_unknown_inserted"`

	Jobs         map[string]int `json:"jobs"` // by state
	Attempts     int            `json:"attempts"`
	Repeats      map[string]int `json:"repeats"` // by cause
	LateResults  int64          `json:"late_results_refused"`
	AnswersLost  int            `json:"answers_lost"` // by a proxy
	DrainSeconds float64        `json:"drain_seconds"`

	OverlapsOfKeys  Overlap `json:"overlaps_mutex_keys"` // outside, behind a freeze or cut
	OverlapsOfPools Overlap `json:"overlaps_pools"`
	PeakMemory      int64   `json:"executor_peak_memory_bytes"`
	LimitSamples    int64   `json:"limit_samples"`
	TableSamples    int64   `json:"table_samples"`

	Counts   map[string]int `json:"violations"` // by promise; 0 is listed too
	Findings []Finding      `json:"findings"`
}

// promise is something a run can break, with the rules of its findings.
type promise struct {
	name  string
	rules []string
}

// promises are in the order of the table.
var promises = []promise{
	{"lost jobs", []string{"lost_job"}},
	{"effects without a job", []string{"effect_without_job"}},
	{"successes without an effect", []string{"success_without_effect"}},
	{"attempts that ran twice", []string{"ran_twice"}},
	{"repeats without a cause", []string{"repeat_without_cause"}},
	{"limits exceeded in the table", []string{"limit_in_table", "table_pool_limit", "table_one_running_per_mutex_key"}},
	{"limits exceeded outside, no freeze or cut", []string{"overlap"}},
	{"delays without a cause", []string{"retry_delay"}},
	{"jobs failed although nothing ran", []string{"failed_unrun"}},
	{"living executors reaped", []string{"reaped_alive"}},
	{"jobs ended before their time", []string{"ended_early"}},
	{"more memory than is promised", []string{"memory"}},
	{"waits for an analyst's locks", []string{"waits_for_analyst"}},
	{"inserts not atomic", []string{"insert_not_atomic", "job_from_nowhere"}},
}

// others names all findings that no promise above counts: invariants of the
// tables, and processes, statements and logs that are not as they should be.
const others = "other invariants and errors"

func (b *testbed) newReport() *Report {
	lost := b.proxy.Stats().Dropped
	for _, e := range b.executors {
		lost += e.proxy.Stats().Dropped
	}
	return &Report{
		Scenario: "chaos", Seed: b.Seed, Minutes: b.Duration.Minutes(), Faults: b.faults.n, LeftOut: b.leftOut(),
		Jobs: map[string]int{}, Repeats: map[string]int{}, LateResults: b.refused.Load(), AnswersLost: lost, DrainSeconds: b.drained.Seconds(),
		PeakMemory: b.mostMemory.Load(), LimitSamples: b.limitSamples.Load(), TableSamples: b.tablesSamples.Load(),
	}
}

// conclude counts the findings.
func (r *Report) conclude(f *findings) {
	r.Findings, r.Counts = append([]Finding{}, f.list...), map[string]int{} // in JSON a list, also if it is empty
	rest := len(f.list)
	for _, p := range promises {
		r.Counts[p.name] = f.count(p.rules...)
		rest -= r.Counts[p.name]
	}
	r.Counts[others] = rest
}

// Kept reports whether every promise was kept.
func (r *Report) Kept() bool { return len(r.Findings) == 0 }

// shownFindings is how many are printed.
const shownFindings = 20

// String is the report as a table, and what was found.
func (r *Report) String() string {
	t := table.NewWriter()
	t.SetTitle(fmt.Sprintf("Chaos, seed %d, %s", r.Seed, time.Duration(r.Minutes*float64(time.Minute)).Round(time.Second)))
	t.AppendRow(table.Row{"faults", listed(r.Faults)})
	if len(r.LeftOut) > 0 {
		t.AppendRow(table.Row{"not tried here", explained(r.LeftOut)})
	}
	t.AppendSeparator()
	t.AppendRow(table.Row{"inserts", fmt.Sprintf("%d jobs accepted\n%d refused\n%d not answered, %d of them inserted", r.Accepted, r.Refused, r.Unknown, r.UnknownThere)})
	t.AppendSeparator()
	t.AppendRow(table.Row{"jobs", listed(r.Jobs)})
	t.AppendRow(table.Row{"attempts", r.Attempts})
	t.AppendRow(table.Row{"repeats by cause", listed(r.Repeats)})
	t.AppendRow(table.Row{"answers lost", r.AnswersLost})
	t.AppendRow(table.Row{"late results refused", r.LateResults})
	t.AppendRow(table.Row{"time to drain", time.Duration(r.DrainSeconds * float64(time.Second)).Round(100 * time.Millisecond)})
	t.AppendSeparator()
	t.AppendRow(table.Row{"outside, behind a freeze or cut", fmt.Sprintf("mutex key held twice: %s\npool over its size: %s", r.OverlapsOfKeys, r.OverlapsOfPools)})
	t.AppendRow(table.Row{"most memory of an executor", fmt.Sprintf("%d MB", r.PeakMemory>>20)})
	t.AppendRow(table.Row{"looks at the tables", fmt.Sprintf("%d at the limits, %d at all invariants", r.LimitSamples, r.TableSamples)})
	t.AppendSeparator()
	for _, p := range promises {
		t.AppendRow(table.Row{p.name, r.Counts[p.name]})
	}
	t.AppendRow(table.Row{others, r.Counts[others]})
	t.SetStyle(table.StyleLight)

	var text strings.Builder
	text.WriteString(t.Render() + "\n")
	for i, f := range r.Findings {
		if i == shownFindings {
			fmt.Fprintf(&text, "… and %d more\n", len(r.Findings)-i)
			break
		}
		fmt.Fprintf(&text, "%s: %s\n", f.Rule, f.Detail)
	}
	return text.String()
}

// explained shows reasons, one a line.
func explained(reasons map[string]string) string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(reasons)) {
		lines = append(lines, name+": "+reasons[name])
	}
	return strings.Join(lines, "\n")
}

// listed shows counts, one a line.
func listed(counts map[string]int) string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		lines = append(lines, fmt.Sprintf("%d %s", counts[name], name))
	}
	return strings.Join(lines, "\n")
}
