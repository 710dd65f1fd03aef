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
			if strings.HasPrefix(p.verdict(), fails) {
				return false
			}
		}
	}
	return true
}

// Verdicts. An estimate may also show an error that nobody could help, and a share that so
// few batches may have by chance.
const (
	passes   = "pass"
	isChance = "pass: the error is chance"
	tooFew   = "pass: too few to tell"
	fails    = "FAIL: "
)

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
	n := p.Asked - p.Refused
	k := int(math.Round(p.Inside * float64(n)))
	narrow, wide := p.Inside >= 0 && inside < LeastInside, inside > MostInside
	few := narrow && upTo(k, n, LeastInside) > rare || wide && upTo(n-k, n, 1-MostInside) > rare
	miss(narrow && !few, "too narrow")
	miss(wide && !few, "too wide")
	most := map[float64]float64{0.25: MostErrorAtQuarter, 0.5: MostErrorAtHalf}[p.Point]
	errs := most > 0 && printed(p.Error) > most
	chance := errs && printed(p.Least) > most // also who knows how run times are distributed errs by more
	miss(errs && !chance, "error")
	miss(p.Naive >= 0 && printed(p.Better) < LeastBetter, "hardly better")
	switch {
	case len(missed) > 0:
	case chance:
		return isChance
	case few:
		return tooFew
	default:
		return passes
	}
	return fails + strings.Join(missed, ", ")
}

// rare is how seldom chance alone must bring a share at least so far beyond its limit, if the
// true one is at the limit, for it to be no chance.
const rare = 0.05

// upTo is how likely it is that at most k of n happen that happen with probability p each,
// 0 < p < 1: the binomial distribution.
func upTo(k, n int, p float64) (sum float64) {
	choose := func(n, k int) float64 { // its logarithm
		all, _ := math.Lgamma(float64(n + 1))
		in, _ := math.Lgamma(float64(k + 1))
		out, _ := math.Lgamma(float64(n - k + 1))
		return all - in - out
	}
	for i := 0; i <= k; i++ {
		sum += math.Exp(choose(n, i) + float64(i)*math.Log(p) + float64(n-i)*math.Log(1-p))
	}
	return sum
}

func percent(share float64) string {
	if share == -1 {
		return ""
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}
