package page

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/cmd/internal/meant"
	"github.com/tagexec/tagexec/store/report"
)

const (
	jobsAPage = 50
	// wholeMost is how many are shown of a list that has no next page.
	wholeMost = 200
	// furtherLimit is how long a question may take that somebody asked to look further.
	furtherLimit = 3 * time.Second
	// lookBackLife is for how long an answer is given to all who ask that no index leads to.
	lookBackLife = 10 * time.Second
)

// jobsData is what jobs.html shows.
type jobsData struct {
	Sentence string
	Filter   report.JobFilter
	Chips    []chip
	Jobs     []report.Job
	Unknown  string // which name in the filter is not there, if nothing matches
	Looked   *report.LookBack
	Next     string // link to the next ones; "" if there are none
	Whole    int    // it has no next page, but leads to so many at once; 0: it has
	Pending  bool   // they are all pending: what matters is when they start
	Given    []hidden
	Cancel   string // links to what may be done to all that match; "" if nothing may
	Retry    string
	SQL      string
	Command  string            // "" if the command line has no such filter
	Values   map[string]string // of the form
	More     bool              // a field is set that is folded away
	States   []choice
}

// chip is a part of the filter, with a link that drops it.
type chip struct{ Name, Value, Drop string }

type choice struct {
	Name    string
	Checked bool
}

// jobs answers: which jobs are there like this, and what is next?
func jobs(v *visit) (*view, error) {
	filter, err := jobFilter(v.Query, v.Zone, v.now)
	if err != nil {
		return nil, err
	}
	if v.exports() {
		return export(v, "jobs", readJobs(filter))
	}
	from, err := jobPlace(v.Query.Get("from"))
	if err != nil {
		return nil, err
	}
	life := fresh
	if from != nil || filter.Error != "" || filter.Payload != nil {
		life = lookBackLife
	}
	limit := jobsAPage
	if filter.Whole() && v.Query.Get("rows") != "" {
		limit = wholeMost
	}
	page, err := must(v, fmt.Sprintf("%d jobs %s from %s in %s", limit, written(v.Query), v.Query.Get("from"), v.ZoneName()), life, func(ctx context.Context, r *report.Reader) (report.JobPage, error) {
		if from != nil {
			r = r.Within(furtherLimit)
		}
		return r.Jobs(ctx, filter, from, limit)
	})
	if err != nil {
		return nil, err
	}
	d := jobsData{
		Filter: filter, Jobs: page.Jobs, Looked: page.Looked, Given: given(v.Query), Sentence: jobsSentence(v.frame, filter, page, limit, from != nil),
		Pending: slices.Equal(filter.States, []string{"pending"}), SQL: report.SQLOfJobs(filter), Command: command(v.Query), Values: map[string]string{},
	}
	for _, g := range d.Given {
		d.Chips = append(d.Chips, chip{g.Name, g.Value, v.without(g)})
		d.Values[g.Name] = g.Value
		d.More = d.More || slices.Index(filterNames, g.Name) > slices.Index(filterNames, "error")
	}
	for _, s := range jobStates {
		d.States = append(d.States, choice{s, slices.Contains(filter.States, s)})
	}
	switch {
	case page.Next != nil:
		d.Next = v.Here("from", placeText(*page.Next))
	case filter.Whole() && len(page.Jobs) == jobsAPage:
		d.Next, d.Whole = v.Here("rows", strconv.Itoa(wholeMost)), wholeMost
	}
	if len(page.Jobs) == 0 && from == nil && filter.Batch+filter.Tag+filter.Pool != "" {
		d.Unknown = ask(v, "unknown names in "+written(v.Query), life, func(ctx context.Context, r *report.Reader) (string, error) { return meant.Filter(ctx, r, filter), nil }).Value
	}
	if v.May() && len(d.Given) > 0 && len(page.Jobs) > 0 {
		d.Cancel, d.Retry = bulkLink(v, "cancel-jobs", filter, d.Given), bulkLink(v, "retry-jobs", filter, d.Given)
	}
	return &view{template: "jobs", Title: "Jobs", Data: d, settled: !unfinished(filter) || from != nil}, nil
}

// without is the list without a part of its filter, from its beginning.
func (v *visit) without(part hidden) string {
	f := *v.frame
	f.Query = maps.Clone(v.Query)
	f.Query[part.Name] = slices.DeleteFunc(slices.Clone(f.Query[part.Name]), func(value string) bool { return value == part.Value })
	return f.Here("from", "")
}

// readJobs reads a list of jobs. In the order of their claim, and in that of their start,
// there is no next page: it has them all.
func readJobs(f report.JobFilter) read[report.Job] {
	return func(ctx context.Context, r *report.Reader, from string, limit int) (rows[report.Job], error) {
		place, err := jobPlace(from)
		if err != nil {
			return rows[report.Job]{}, err
		}
		if f.Whole() {
			limit = exportMost
		}
		page, err := r.Jobs(ctx, f, place, limit)
		found := rows[report.Job]{List: page.Jobs}
		if page.Next != nil {
			found.Next = placeText(*page.Next)
		}
		return found, err
	}
}

// unfinished reports whether jobs that a filter finds may be pending or running.
func unfinished(f report.JobFilter) bool {
	return len(f.States) == 0 || slices.Contains(f.States, "pending") || slices.Contains(f.States, "running")
}

// bulkLink leads to the page of a deed on all that match, if their states allow it.
func bulkLink(v *visit, deed string, f report.JobFilter, filter []hidden) string {
	for _, s := range f.States {
		if !slices.Contains(bulks[deed].possible, s) {
			return ""
		}
	}
	pairs := []string{"back", v.Here("from", "")}
	for _, g := range filter {
		pairs = append(pairs, g.Name, g.Value)
	}
	return v.URL("/do/"+deed, pairs...)
}

// placeText is a place in a list of jobs as an address has it.
func placeText(p report.Place) string {
	return p.At.UTC().Format(time.RFC3339Nano) + " " + strconv.FormatInt(p.ID, 10)
}

// jobPlace reads one; nothing is the beginning.
func jobPlace(text string) (*report.Place, error) {
	if text == "" {
		return nil, nil
	}
	at, number, _ := strings.Cut(text, " ")
	t, err := time.Parse(time.RFC3339Nano, at)
	id, idErr := strconv.ParseInt(number, 10, 64)
	if err != nil || idErr != nil {
		return nil, wrong("from=%s is no place in the list: begin at its first job", text)
	}
	return &report.Place{At: t, ID: id}, nil
}

// jobsSentence says what a list holds, and how far somebody looked for it.
func jobsSentence(f *frame, filter report.JobFilter, page report.JobPage, limit int, further bool) string {
	n := len(page.Jobs)
	more := ""
	if further {
		more = "more "
	}
	switch {
	case page.Looked != nil:
		match := listing.Thousands(n) + " match"
		if n == 1 {
			match = "1 matches"
		}
		which := "the newest"
		if further {
			which = "the next"
		}
		return fmt.Sprintf("Looked at %s %s, back to %s: %s.", which, listing.Plural(page.Looked.Jobs, "job"), f.Clock(page.Looked.Back), match)
	case n == 0 && further:
		return "There are no more " + what(filter, false) + "."
	case n == 0 && len(filter.States)+len(filter.Tag+filter.Batch+filter.Pool+filter.Kind+filter.BizDate) == 0:
		return "No job matches."
	case n == 0:
		return "There is no " + what(filter, true) + "."
	case n == limit && further:
		return fmt.Sprintf("%d more %s, %s.", n, what(filter, false), filter.Order())
	case n == limit:
		return fmt.Sprintf("The first %d %s, %s.", n, what(filter, false), filter.Order())
	case n == 1:
		return fmt.Sprintf("1 %s%s.", more, what(filter, true))
	}
	return fmt.Sprintf("%d %s%s, %s.", n, more, what(filter, false), filter.Order())
}
