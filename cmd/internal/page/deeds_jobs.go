package page

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/operate"
	"github.com/tagexec/tagexec/store/report"
)

const (
	// chunk is how many jobs one statement acts on, and one action has on record. So many
	// may be selected by number.
	chunk = 500
	// batchChunks is how many of these one question brings of a batch, of which each reads
	// all jobs.
	batchChunks = 10
	// samples is how many jobs are shown to who is asked.
	samples = 5
	// countedMost is where counting for who is asked ends.
	countedMost = 1_000
	// stepTime is after how long it is shown how far a deed is.
	stepTime = 2 * time.Second
)

// bulk is a verb on jobs: those of some numbers, or all that a filter finds.
type bulk struct {
	name, verb, done string   // "retry-jobs", "Retry", "pending again"
	usual            []string // states of jobs that a filter finds which names none
	possible         []string // states that it may name
	act              func(*operate.Actor, context.Context, operate.Selection, operate.Order) (int, error)
}

// bulks are the verbs by the names of their deeds.
var bulks = map[string]bulk{
	"cancel-jobs": {
		name: "cancel-jobs", verb: "Cancel", done: "cancelled, or asked to stop",
		usual: []string{"pending", "running"}, possible: []string{"pending", "running"}, act: (*operate.Actor).CancelJobs,
	},
	"retry-jobs": {
		name: "retry-jobs", verb: "Retry", done: "pending again",
		usual: []string{"failed", "cancelled"}, possible: []string{"failed", "cancelled", "succeeded", "pending"}, act: (*operate.Actor).RetryJobs,
	},
}

func init() {
	for name, explain := range map[string]string{
		"cancel-jobs": "What is pending ends at once, and what runs is asked to stop.",
		"retry-jobs":  "They run again, with all their attempts kept. One that waits out the delay after a failure runs at once.",
	} {
		b := bulks[name]
		deeds[name] = deed{title: b.title, explain: explain, danger: name == "cancel-jobs", preview: b.preview, steps: b.steps}
	}
}

func (b bulk) title(form url.Values) string {
	switch ids := form["job"]; {
	case len(ids) == 1:
		return fmt.Sprintf("%s job %s", b.verb, cli.Printable(ids[0]))
	case len(ids) > 1:
		return fmt.Sprintf("%s %s", b.verb, listing.Plural(len(ids), "job"))
	}
	return b.verb + " all jobs that match"
}

// order is what a form asks for.
type order struct {
	ids    []int64
	filter report.JobFilter // if there are no ids
	by     time.Time        // jobs that came later, or have ended again since, are not meant
}

// Fields of the form that go from step to step.
const (
	byField      = "by"
	bulkField    = "bulk"
	touchedField = "touched"
	lookedField  = "looked"
	ofField      = "of"
)

// read reads what a form asks for. The first time it fixes the moment.
func (b bulk) read(v *visit, form url.Values) (o order, err error) {
	if o.by, err = time.Parse(time.RFC3339Nano, form.Get(byField)); err != nil {
		if o.by, err = v.reader.Clock(v.r.Context()); err != nil {
			return order{}, err
		}
		form.Set(byField, o.by.UTC().Format(time.RFC3339Nano))
	}
	if uuid.Validate(form.Get(bulkField)) != nil {
		form.Set(bulkField, uuid.NewString())
	}
	for _, text := range form["job"] {
		id, err := jobNumber(text)
		if err != nil {
			return order{}, err
		}
		if !slices.Contains(o.ids, id) {
			o.ids = append(o.ids, id)
		}
	}
	if len(o.ids) > chunk {
		return order{}, wrong("these are %s: at most %d are chosen one by one; choose all that match a filter", listing.Plural(len(o.ids), "job"), chunk)
	}
	if len(o.ids) > 0 {
		return o, nil
	}
	if len(given(form)) == 0 {
		return order{}, wrong("no job is selected: select some, or all that match a filter")
	}
	if o.filter, err = jobFilter(form, v.Zone, o.by); err != nil {
		return order{}, err
	}
	for _, s := range o.filter.States {
		if !slices.Contains(b.possible, s) {
			return order{}, wrong("%s takes jobs that are %s, and not %s ones", b.verb, strings.Join(b.possible, ", "), s)
		}
	}
	if len(o.filter.States) == 0 {
		o.filter.States = b.usual
	}
	if o.filter.CreatedUntil.IsZero() || o.by.Before(o.filter.CreatedUntil) {
		o.filter.CreatedUntil = o.by
	}
	return o, nil
}

// preview says what would be acted on.
func (b bulk) preview(v *visit, form url.Values) ([]string, error) {
	o, err := b.read(v, form)
	if err != nil {
		return nil, err
	}
	ctx := v.r.Context()
	if len(o.ids) > 0 {
		now, err := v.reader.JobStates(ctx, o.ids)
		if err != nil {
			return nil, err
		}
		list := []string{}
		for _, j := range now[:min(len(now), samples)] {
			list = append(list, cli.Printable(fmt.Sprintf("job %d %s is %s", j.ID, j.Tag, j.State)))
		}
		return andMore(list, len(now)), nil
	}
	page, err := v.reader.Within(furtherLimit).AllJobs(ctx, o.filter, nil, countedMost+1)
	if err != nil {
		return nil, err
	}
	n := len(page.Jobs)
	told := fmt.Sprintf("%s %s now", listing.Capped(n, countedMost), matchWord(n))
	switch {
	case page.Looked != nil:
		told = fmt.Sprintf("of the newest %s, back to %s, %s; all earlier ones are looked through as well", listing.Plural(page.Looked.Jobs, "job"), v.Clock(page.Looked.Back), told)
	case n <= countedMost:
		form.Set(ofField, strconv.Itoa(n))
	}
	list := []string{told + ": " + what(o.filter, n == 1) + ". Jobs that come to match later are not touched."}
	for _, j := range page.Jobs[:min(n, samples)] {
		list = append(list, cli.Printable(strings.TrimSpace(fmt.Sprintf("job %d %s is %s %s %s", j.ID, j.Tag, j.State, plain(j.ErrorCode), brief(j.Error)))))
	}
	return andMore(list, n+1), nil
}

func matchWord(n int) string {
	if n == 1 {
		return "job matches"
	}
	return "jobs match"
}

func andMore(list []string, n int) []string {
	if more := n - len(list); more > 0 {
		return append(list, "and "+listing.Thousands(more)+" more")
	}
	return list
}

// bulkData is what bulk.html shows: how far a deed is.
type bulkData struct {
	Sentence, Problem, Title string
	Hidden                   []hidden
	Of, Touched              int // Of 0: it is not known how many there are
	Back                     string
}

// steps acts on jobs, a chunk at a time, for as long as somebody waits gladly.
func (b bulk) steps(v *visit, a *operate.Actor, form url.Values, how operate.Order) (*view, string, error) {
	o, err := b.read(v, form)
	if err != nil {
		return nil, "", err
	}
	ctx := v.r.Context()
	if len(o.ids) > 0 {
		states := b.possible
		if len(o.ids) == 1 { // somebody sees how it is
			states = jobStates
		}
		n, err := b.act(a, ctx, operate.Selection{IDs: o.ids, States: states, By: o.by}, how)
		return nil, b.outcome(n, len(o.ids)), err
	}
	how.BulkID, how.Filter = form.Get(bulkField), written(form)
	from, err := jobPlace(form.Get("from"))
	if err != nil {
		return nil, "", err
	}
	size := chunk
	if o.filter.Batch != "" {
		size = batchChunks * chunk
	}
	touched, looked := number(form.Get(touchedField)), number(form.Get(lookedField))
	for began := time.Now(); ; {
		page, err := v.reader.Within(furtherLimit).AllJobs(ctx, o.filter, from, size)
		for part := range slices.Chunk(page.Jobs, chunk) {
			if err != nil {
				break
			}
			ids := make([]int64, len(part))
			for i, j := range part {
				ids[i] = j.ID
			}
			var n int
			n, err = b.act(a, ctx, operate.Selection{IDs: ids, States: o.filter.States, By: o.by}, how)
			touched, looked = touched+n, looked+len(ids)
		}
		form.Set(touchedField, strconv.Itoa(touched))
		form.Set(lookedField, strconv.Itoa(looked))
		switch {
		case err != nil:
			if refused := (*report.RefusedError)(nil); errors.As(err, &refused) && looked == 0 {
				return nil, "", err
			}
			return b.soFar(v, form, nil, err), "", nil
		case page.Next == nil:
			return nil, b.outcome(touched, looked), nil
		}
		from = page.Next
		form.Set("from", placeText(*from))
		if time.Since(began) > stepTime {
			return b.soFar(v, form, page.Looked, nil), "", nil
		}
	}
}

// soFar is the page of a deed that goes on, or that was broken off.
func (b bulk) soFar(v *visit, form url.Values, looked *report.LookBack, err error) *view {
	d := bulkData{Title: b.title(form), Touched: number(form.Get(touchedField)), Of: number(form.Get(ofField)), Back: v.back(form.Get("back"))}
	d.Sentence = fmt.Sprintf("So far %s %s.", listing.Plural(d.Touched, "job"), b.are(d.Touched))
	if looked != nil {
		d.Sentence = fmt.Sprintf("So far %s %s, looking back to %s.", listing.Plural(d.Touched, "job"), b.are(d.Touched), v.Clock(looked.Back))
	}
	if err != nil {
		d.Problem = sentence(err)
	}
	for name, values := range form {
		for _, value := range values {
			d.Hidden = append(d.Hidden, hidden{name, value})
		}
	}
	return &view{template: "bulk", Title: d.Title, Data: d, still: true}
}

func (b bulk) are(n int) string {
	if n == 1 {
		return "is " + b.done
	}
	return "are " + b.done
}

// outcome says what became of jobs.
func (b bulk) outcome(n, of int) string {
	switch {
	case of == 0:
		return "No job matches any more; nothing was done."
	case n == of:
		return fmt.Sprintf("%s %s.", listing.Plural(n, "job"), b.are(n))
	}
	return fmt.Sprintf("%s of %s %s; the others were not in a state for it.", listing.Thousands(n), listing.Plural(of, "job"), b.are(n))
}

// number reads a number that a form of ours carries; 0 if it is none.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return max(0, n)
}

// jobNumber reads the number of a job.
func jobNumber(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, wrong("the job is %q: a job is named by its number, such as 42", text)
	}
	return id, nil
}
