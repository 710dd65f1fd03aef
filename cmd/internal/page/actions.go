package page

import (
	"context"
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

const (
	// actionsAPage is how many lines a page has.
	actionsAPage = 50
	// actionsLooked is how many actions it is made of at most: those of one bulk are one
	// line.
	actionsLooked = 200
)

// actionsData is what actions.html shows.
type actionsData struct {
	Sentence string
	Filter   report.ActionFilter
	Job      string // of Filter; "" for none
	List     []actionLine
	From     string
	Next     string
}

// actions answers: who did what, and why?
func actions(v *visit) (*view, error) {
	d := actionsData{From: v.Query.Get("from"), Job: v.Query.Get("job")}
	d.Filter = report.ActionFilter{Batch: v.Query.Get("batch"), Pool: v.Query.Get("pool"), Executor: v.Query.Get("executor")}
	if d.Job != "" {
		id, err := strconv.ParseInt(d.Job, 10, 64)
		if err != nil || id < 1 {
			return nil, wrong("job=%s: a job has a number", d.Job)
		}
		d.Filter.Job = id
	}
	if d.Filter.Executor != "" && uuid.Validate(d.Filter.Executor) != nil {
		return nil, wrong("executor=%s: an executor has an id, which the page of executors shows", d.Filter.Executor)
	}
	list := func(ctx context.Context, r *report.Reader, from string, limit int) (found rows[report.Action], err error) {
		before, err := actionPlace(from)
		if err != nil {
			return found, err
		}
		if found.List, err = r.Actions(ctx, d.Filter, before, limit); len(found.List) == limit {
			found.Next = strconv.FormatInt(found.List[limit-1].ID, 10)
		}
		return found, err
	}
	if v.exports() {
		return export(v, "actions", list)
	}
	page, err := must(v, fmt.Sprintf("actions %v from %s", d.Filter, d.From), fresh, func(ctx context.Context, r *report.Reader) (rows[report.Action], error) {
		return list(ctx, r, d.From, actionsLooked)
	})
	if err != nil {
		return nil, err
	}
	var rest int64
	if d.List, rest = actionLines(page.List, actionsAPage); rest != 0 {
		page.Next = strconv.FormatInt(rest+1, 10)
	}
	if page.Next != "" {
		d.Next = v.Here("from", page.Next)
	}
	d.Sentence = actionsSentence(v.frame, d)
	return &view{template: "actions", Title: "Actions", Data: d, settled: true}, nil
}

// actionPlace reads a place in the list: the number of the action that is before it.
func actionPlace(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	before, err := strconv.ParseInt(text, 10, 64)
	if err != nil || before < 1 {
		return 0, wrong("from=%s is no place in the list: begin at the latest action", text)
	}
	return before, nil
}

func actionsSentence(f *frame, d actionsData) string {
	on := ""
	for _, filter := range []struct{ name, value string }{{"job", d.Job}, {"batch", d.Filter.Batch}, {"pool", d.Filter.Pool}, {"executor", d.Filter.Executor}} {
		if filter.value != "" {
			on += " on " + filter.name + " " + filter.value
		}
	}
	among := ""
	if d.Filter.Pool != "" || d.Filter.Executor != "" {
		among = ", among the latest 20,000"
	}
	if len(d.List) == 0 {
		return "Nobody has done anything" + on + among + "."
	}
	latest := d.List[0]
	return fmt.Sprintf("%s here%s%s; the latest by %s, %s.", listing.Plural(len(d.List), "action"), on, among, latest.Who(), f.Ago(latest.At))
}
