package replay

import (
	"fmt"
	"math"
	"strings"
)

// What an estimate must keep to be shown.
const (
	LeastInside, MostInside = 0.7, 0.9
	MostErrorAtQuarter      = 0.25
	MostErrorAtHalf         = 0.15
	LeastBetter             = 0.3
)

// Report is the scores of all traces.
type Report struct {
	Scores []Score `json:"scores"`
}

// Head is the head of the table that README.md publishes.
const Head = "| trace | at | estimates | inside p10 to p90 | median error | elapsed / done × left | better by | distribution known | run times known | verdict |\n" +
	"|---|---|---|---|---|---|---|---|---|---|\n"

// String is the lines of the table.
func (s Score) String() string {
	var b strings.Builder
	for i, p := range s.Points {
		name := ""
		if i == 0 {
			name = fmt.Sprintf("%s, %d batches", s.Trace, s.Batches)
		}
		fmt.Fprintf(&b, "| %s | %s | %d of %d | %s | %s | %s | %s | %s | %s | %s |\n", name, percent(p.Point), p.Asked-p.Refused, p.Asked,
			percent(p.Inside), percent(p.Error), percent(p.Naive), percent(p.Better), percent(p.Least), percent(p.Known), p.verdict())
	}
	return b.String()
}

// Passed reports whether every trace keeps what an estimate must.
func (r Report) Passed() bool {
	for _, s := range r.Scores {
		for _, p := range s.Points {
			if v := p.verdict(); v != passes && v != isChance {
				return false
			}
		}
	}
	return true
}

// Verdicts of what an estimate may show: also an error that nobody could help.
const passes, isChance = "pass", "pass: the error is chance"

// verdict says what is missed.
func (p PointScore) verdict() string {
	var missed []string
	miss := func(is bool, what string) {
		if is {
			missed = append(missed, what)
		}
	}
	miss(p.Asked == p.Refused, "no estimate")
	printed := func(share float64) float64 { return math.Round(100*share) / 100 }
	inside := printed(p.Inside)
	miss(p.Inside >= 0 && inside < LeastInside, "too narrow")
	miss(inside > MostInside, "too wide")
	most := map[float64]float64{0.25: MostErrorAtQuarter, 0.5: MostErrorAtHalf}[p.Point]
	errs := most > 0 && printed(p.Error) > most
	chance := errs && printed(p.Least) > most // also who knows how run times are distributed errs by more
	miss(errs && !chance, "error")
	miss(p.Naive >= 0 && printed(p.Better) < LeastBetter, "hardly better")
	switch {
	case len(missed) > 0:
	case chance:
		return isChance
	default:
		return passes
	}
	return "FAIL: " + strings.Join(missed, ", ")
}

func percent(share float64) string {
	if share == -1 {
		return ""
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}
