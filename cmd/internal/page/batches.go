package page

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

const batchesAPage = 25

// batchesData is what batches.html shows.
type batchesData struct {
	Sentence string
	Which    string // all, open or late
	List     []report.Batch
	Fields   []field // of the filter
	Filtered bool    // by one of them
	Next     string  // link to the next ones; "" if there are none
}

// batchFields are what batches are found by, beside how they stand.
var batchFields = []field{
	{Name: "dag", Label: "DAG"},
	{Name: "created_since", Label: "Created since", Hint: "2026-11-22 03:00, or 24h"},
	{Name: "created_until", Label: "Created before", Hint: "2026-11-23, or 7d"},
}

// batches lists batches, the newest first.
func batches(v *visit) (*view, error) {
	filter := report.BatchFilter{}
	which := v.Query.Get("which")
	switch which {
	case "", "all":
		which = "all"
	case "open":
		filter.Open = true
	case "late":
		filter.Late = true
	default:
		return nil, wrong("which=%s: batches are shown as all, open or late", which)
	}
	filter.DagID = v.Query.Get("dag")
	for name, at := range map[string]*time.Time{"created_since": &filter.CreatedSince, "created_until": &filter.CreatedUntil} {
		var err error
		if *at, err = moment(name, v.Query.Get(name), v.Zone, v.now); err != nil {
			return nil, err
		}
	}
	list := func(ctx context.Context, r *report.Reader, from string, limit int) (rows[report.Batch], error) {
		place, err := batchPlace(from)
		if err != nil {
			return rows[report.Batch]{}, err
		}
		page, err := r.Batches(ctx, filter, place, limit)
		found := rows[report.Batch]{List: page.Batches}
		if page.Next != nil {
			found.Next = page.Next.At.UTC().Format(time.RFC3339Nano) + " " + page.Next.Batch
		}
		return found, err
	}
	if v.exports() {
		return export(v, "batches", list)
	}
	from := v.Query.Get("from")
	page, err := must(v, fmt.Sprintf("batches %s %q %s to %s in %s from %s", which, filter.DagID, v.Query.Get("created_since"), v.Query.Get("created_until"), v.ZoneName(), from), fresh, func(ctx context.Context, r *report.Reader) (rows[report.Batch], error) {
		return list(ctx, r, from, batchesAPage)
	})
	if err != nil {
		return nil, err
	}
	d := batchesData{Which: which, List: page.List, Sentence: batchesSentence(v.frame, which, page.List)}
	for _, f := range batchFields {
		f.Value = v.Query.Get(f.Name)
		d.Filtered = d.Filtered || f.Value != ""
		d.Fields = append(d.Fields, f)
	}
	if n := len(page.List); n == 0 && d.Filtered {
		d.Sentence = "No batch matches."
	}
	if page.Next != "" {
		d.Next = v.Here("from", page.Next)
	}
	return &view{template: "batches", Title: "Batches", Data: d}, nil
}

// batchPlace reads a place in the list of batches: a time, a blank, a key.
func batchPlace(text string) (*report.BatchPlace, error) {
	if text == "" {
		return nil, nil
	}
	at, key, _ := strings.Cut(text, " ")
	t, err := time.Parse(time.RFC3339Nano, at)
	if err != nil {
		return nil, wrong("from=%s is no place in the list: begin at the newest batch", text)
	}
	return &report.BatchPlace{At: t, Batch: key}, nil
}

func batchesSentence(f *frame, which string, list []report.Batch) string {
	open, late := 0, 0
	for _, b := range list {
		if !b.Settled() {
			open++
			if b.DueAt != nil && b.DueAt.Before(f.now) {
				late++
			}
		}
	}
	switch n := len(list); {
	case n == 0 && which == "all":
		return "There is no batch yet."
	case n == 0:
		return "No batch is " + which + "."
	case which == "late":
		return listing.Plural(n, "batch") + " late."
	default:
		return fmt.Sprintf("%s here: %d open, %d late.", listing.Plural(n, "batch"), open, late)
	}
}
