package bench

import (
	"context"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Growth is how rates change with what there is more of.
type Growth struct {
	Scenario string   `json:"scenario"` // growth
	Settings Settings `json:"settings"`
	Curves   []Curve  `json:"curves"`
}

// Curve is how one rate changes.
type Curve struct {
	Name   string  `json:"name"`
	Of     string  `json:"of"` // what x counts
	Rate   string  `json:"rate"`
	Points []Point `json:"points"`
}

// Point is what was measured at x.
type Point struct {
	X int `json:"x"`
	Figures
}

// firstRows is where the curves over rows begin.
const firstRows = 10_000

// Grow measures the curves: over rows up to the given number, each ten times as
// many as before.
func Grow(ctx context.Context, most int, o Options) (g *Growth, err error) {
	err = with(ctx, o, func(b *Bench, settings Settings) error {
		b.Log("growth: %s", settings)
		g = &Growth{Scenario: "growth", Settings: settings}
		for _, c := range b.curves(most) {
			curve := Curve{Name: c.name, Of: c.of, Rate: c.rate}
			for _, x := range c.xs {
				v := b.trialVariant(fmt.Sprintf("%s %s", whole(float64(x)), c.of), c.at(x))
				runs, err := b.measure(ctx, []comparison{{ours: v}})
				if err != nil {
					return err
				}
				curve.Points = append(curve.Points, Point{x, newFigures(runs[v], false)})
			}
			g.Curves = append(g.Curves, curve)
		}
		return nil
	})
	return g, err
}

type curve struct {
	name, of, rate string
	xs             []int
	at             func(x int) trial
}

func (b *Bench) curves(most int) []curve {
	var rows []int
	for n := firstRows; n <= most; n *= 10 {
		rows = append(rows, n)
	}
	executors := func(n int) WorkerOptions { return WorkerOptions{Role: roleEngine, Workers: max(1, b.Workers/n)} }
	const rate = "jobs done per second"
	return []curve{
		{"pending", "rows pending behind them", rate, rows, func(n int) trial {
			return trial{fill: fill{pending: b.Jobs + n}, target: b.Jobs, options: executors(1)}
		}},
		{"finished", "rows finished before", rate, rows, func(n int) trial {
			return trial{fill: fill{pending: b.Jobs, finished: n}, target: b.Jobs, options: executors(1)}
		}},
		{"executors", "executors", rate, []int{1, 2, 4, 8}, func(n int) trial {
			return trial{fill: fill{pending: b.Jobs}, target: b.Jobs, processes: n, options: executors(n)}
		}},
		{"producers", "producers beside an executor", "jobs inserted per second", []int{1, 2, 4, 8, 16}, func(n int) trial {
			return trial{target: b.Jobs, options: WorkerOptions{Role: roleInsert, Jobs: b.Jobs, Clients: n}, background: b.executor(executors(1))}
		}},
	}
}

// String is the curves as a table.
func (g *Growth) String() string {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"", "", "rate", "min / median / max", "WAL B/job", "server µs/job"})
	for _, c := range g.Curves {
		for _, p := range c.Points {
			t.AppendRow(table.Row{
				whole(float64(p.X)), c.Of, c.Rate, shown(p.JobsPerSecond, whole),
				fmt.Sprintf("%.0f", p.WALBytesPerJob), fmt.Sprintf("%.1f", p.ServerCPU),
			})
		}
		t.AppendSeparator()
	}
	right := func(n int) table.ColumnConfig {
		return table.ColumnConfig{Number: n, Align: text.AlignRight, AlignHeader: text.AlignRight}
	}
	t.SetColumnConfigs([]table.ColumnConfig{right(1), right(4), right(5), right(6)})
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	return strings.Join([]string{g.Scenario + ": " + g.Settings.String(), t.Render(), ""}, "\n")
}
