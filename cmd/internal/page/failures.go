package page

import (
	"context"
	"fmt"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

const (
	// reasonsMost is how many reasons of failures are shown.
	reasonsMost = 200
	// dayLimit is how long counting the failures of a day may take: it reads all attempts
	// of that day.
	dayLimit = 3 * time.Second
)

// failuresData is what failures.html shows.
type failuresData struct {
	Sentence         string
	Day, Until       string
	Before, After    string // the days around; "" if there is none to look at
	Today, Yesterday string
	List             part[[]report.Failure]
	Most             int
}

// failures answers: what failed on a day, and why?
func failures(v *visit) (*view, error) {
	now := v.now.In(v.Zone)
	d := failuresData{Day: v.Query.Get("day"), Today: now.Format(time.DateOnly), Yesterday: now.AddDate(0, 0, -1).Format(time.DateOnly), Most: reasonsMost}
	switch d.Day {
	case "", "today":
		d.Day = d.Today
	case "yesterday":
		d.Day = d.Yesterday
	}
	day, err := time.Parse(time.DateOnly, d.Day)
	if err != nil || day.Year() < 2 {
		return nil, wrong("day=%s: a day looks like %s", d.Day, d.Today)
	}
	d.Until, d.Before = dayAfter(d.Day, 1), dayAfter(d.Day, -1)
	if d.Day < d.Today {
		d.After = d.Until
	}
	if v.exports() {
		return export(v, "failures", func(ctx context.Context, r *report.Reader, _ string, _ int) (rows[report.Failure], error) {
			list, err := r.Failures(ctx, d.Day, exportMost)
			return rows[report.Failure]{List: list}, err
		})
	}
	d.List = ask(v, fmt.Sprintf("failures of %s in %s", d.Day, v.ZoneName()), tagsLife, func(ctx context.Context, r *report.Reader) ([]report.Failure, error) {
		return r.Within(dayLimit).Failures(ctx, d.Day, reasonsMost)
	})
	d.Sentence = failuresSentence(d)
	return &view{template: "failures", Title: "Failures of " + d.Day, Data: d, settled: true}, nil
}

func failuresSentence(d failuresData) string {
	on := d.Day
	if d.Day == d.Today {
		on = "today"
	}
	attempts := int64(0)
	for _, f := range d.List.Value {
		attempts += f.Attempts
	}
	switch n := len(d.List.Value); {
	case !d.List.Known:
		return "What failed on " + d.Day + " is not known."
	case n == 0 && on == "today":
		return "No attempt failed today."
	case n == 0:
		return "No attempt failed on " + d.Day + "."
	case n == reasonsMost:
		return fmt.Sprintf("The %d most frequent reasons of %s stand for %s.", n, d.Day, listing.Plural(int(attempts), "failed attempt"))
	default:
		if on != "today" {
			on = "on " + on
		}
		return fmt.Sprintf("%s failed %s, for %s.", listing.Plural(int(attempts), "attempt"), on, listing.Plural(n, "reason"))
	}
}
