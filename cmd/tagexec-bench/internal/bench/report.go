package bench

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Report is what a scenario has measured.
type Report struct {
	Scenario string   `json:"scenario"`
	Settings Settings `json:"settings"`
	Result
	Variants map[string]Result `json:"variants,omitempty"`

	order []string // of the variants
}

func newReport(s Scenario, settings Settings, comparisons []comparison, runs map[*variant][]run) *Report {
	r := &Report{Scenario: s.Name, Settings: settings, Variants: map[string]Result{}}
	for _, c := range comparisons {
		if c.name == "" {
			r.Result = newResult(c, runs)
			continue
		}
		r.Variants[c.name] = newResult(c, runs)
		r.order = append(r.order, c.name)
	}
	return r
}

// column is one of the table; those that are empty in every row are left out.
type column struct {
	title string
	cell  func(Figures) string
}

var columns = []column{
	{"jobs/s", func(f Figures) string { return shown(f.JobsPerSecond, whole) }},
	{"ours to it", func(f Figures) string { return shown(f.Ratio, share) }},
	{"slowest to fastest slice", func(f Figures) string { return shown(f.SlowestToFastest, share) }},
	{"last quarter to first", func(f Figures) string { return shown(f.LastToFirst, share) }},
	{"p50 / p95 / p99 / max ms", func(f Figures) string {
		if f.Waits == nil {
			return ""
		}
		return fmt.Sprintf("%.2f / %.2f / %.2f / %.2f", f.Waits.P50, f.Waits.P95, f.Waits.P99, f.Waits.Max)
	}},
	{"our p50 to it", func(f Figures) string { return shown(f.WaitRatio, share) }},
	{"B a job in flight", number("%.0f", 1, func(f Figures) float64 { return f.BytesPerJob })},
	{"% of a core", number("%.2f", 100, func(f Figures) float64 { return f.CPUShare })},
	{"queries/s", number("%.1f", 1, func(f Figures) float64 { return f.QueriesPerSecond })},
	{"commits/s", number("%.1f", 1, func(f Figures) float64 { return f.CommitsPerSecond })},
	{"WAL B/job", number("%.0f", 1, func(f Figures) float64 { return f.WALBytesPerJob })},
	{"commits/job", number("%.4f", 1, func(f Figures) float64 { return f.CommitsPerJob })},
	{"queries/job", number("%.4f", 1, func(f Figures) float64 { return f.QueriesPerJob })},
	{"server µs/job", number("%.1f", 1, func(f Figures) float64 { return f.ServerCPU })},
	{"client µs/job", number("%.1f", 1, func(f Figures) float64 { return f.ClientCPU })},
	{"both µs/job", func(f Figures) string { return shown(f.CPU, tenth) }},
	{"peak MB", number("%.0f", 1e-6, func(f Figures) float64 { return f.RSSBytes })},
}

// number shows a figure in units of 1/scale; one that was not measured is empty.
func number(format string, scale float64, of func(Figures) float64) func(Figures) string {
	return func(f Figures) string {
		if of(f) == 0 {
			return ""
		}
		return fmt.Sprintf(format, of(f)*scale)
	}
}

func shown(s *Spread, format func(float64) string) string {
	if s == nil {
		return ""
	}
	return format(s.Min) + " / " + format(s.Median) + " / " + format(s.Max)
}

func tenth(v float64) string { return fmt.Sprintf("%.1f", v) }

func share(v float64) string { return fmt.Sprintf("%.2f", v) }

// whole writes 12,345.
func whole(v float64) string {
	digits := fmt.Sprintf("%.0f", v)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// row is one line of the table.
type row struct {
	name    string
	figures Figures
}

func (r *Report) rows() (rows []row) {
	add := func(name string, result Result) {
		rows = append(rows, row{cmp.Or(name, "ours"), result.Ours})
		for _, baseline := range slices.Sorted(maps.Keys(result.Versus)) {
			rows = append(rows, row{strings.TrimPrefix(name+" vs "+baseline, " "), result.Versus[baseline]})
		}
	}
	add("", r.Result)
	for _, name := range r.order {
		add(strings.ReplaceAll(name, "_", " "), r.Variants[name])
	}
	return rows
}

// String is the report as a table: min / median / max of the turns, or the
// median; and the goals.
func (r *Report) String() string {
	rows := r.rows()
	t := table.NewWriter()
	header := table.Row{""}
	var used []column
	var layout []table.ColumnConfig
	for _, c := range columns {
		if slices.ContainsFunc(rows, func(r row) bool { return c.cell(r.figures) != "" }) {
			used = append(used, c)
			header = append(header, c.title)
			layout = append(layout, table.ColumnConfig{Number: len(header), Align: text.AlignRight, AlignHeader: text.AlignRight})
		}
	}
	t.AppendHeader(header)
	for _, row := range rows {
		cells := table.Row{row.name}
		for _, c := range used {
			cells = append(cells, c.cell(row.figures))
		}
		t.AppendRow(cells)
	}
	t.SetColumnConfigs(layout)
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault

	var out strings.Builder
	fmt.Fprintf(&out, "%s: %s\n%s\n", r.Scenario, r.Settings, t.Render())
	printGoals := func(name string, result Result) {
		for _, g := range result.Goals {
			fmt.Fprintf(&out, "%sgoal %s: %s\n", name, g.Text, g)
		}
	}
	printGoals("", r.Result)
	for _, name := range r.order {
		printGoals(strings.ReplaceAll(name, "_", " ")+": ", r.Variants[name])
	}
	return out.String()
}

// String is the value, and whether the goal was met.
func (g Goal) String() string {
	verdict := "not met"
	if g.Met {
		verdict = "met"
	}
	value := fmt.Sprintf("%.2f", g.Value)
	if g.Value >= 100 || g.Value < 0.1 {
		value = fmt.Sprintf("%.4g", g.Value)
	}
	return value + ", " + verdict
}
