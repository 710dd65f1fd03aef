package page

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

const (
	tagsAPage = 50
	// tagsLife is for how long a list of tags is shown: it changes by days, not by seconds.
	tagsLife = 10 * time.Second
)

// tagsData is what tags.html shows.
type tagsData struct {
	Sentence string
	Grid     bool
	List     []tagRow
	Dates    part[[]report.TagDate]
	Table    grid
	From     string // the list begins after this tag
	Next     string
}

// tagRow is a tag with a chart of its latest runs.
type tagRow struct {
	report.Tag
	Spark spark
}

// tagList answers: which tags are fresh, and which fail?
func tagList(v *visit) (*view, error) {
	d := tagsData{From: v.Query.Get("from")}
	switch show := v.Query.Get("show"); show {
	case "":
	case "grid":
		d.Grid = true
	default:
		return nil, wrong("show=%s: tags are shown as a list, or with show=grid by business date", show)
	}
	list := func(ctx context.Context, r *report.Reader, from string, limit int) (found rows[report.Tag], err error) {
		if found.List, err = r.Tags(ctx, from, limit); len(found.List) == limit {
			found.Next = found.List[limit-1].Tag
		}
		return found, err
	}
	if v.exports() && d.Grid {
		return export(v, "tag-dates", func(ctx context.Context, r *report.Reader, from string, _ int) (found rows[report.TagDate], err error) {
			tags, err := list(ctx, r, from, tagsAPage)
			if err == nil {
				found.List, err = r.TagDates(ctx, namesOf(tags.List))
			}
			found.Next = tags.Next
			return found, err
		})
	}
	if v.exports() {
		return export(v, "tags", func(ctx context.Context, r *report.Reader, from string, limit int) (rows[report.Tag], error) {
			return list(ctx, r, from, min(limit, tagsAnExport))
		})
	}
	page, err := must(v, "tags "+d.From, tagsLife, func(ctx context.Context, r *report.Reader) (rows[report.Tag], error) {
		return list(ctx, r, d.From, tagsAPage)
	})
	if err != nil {
		return nil, err
	}
	if page.Next != "" {
		d.Next = v.Here("from", page.Next)
	}
	d.Sentence = tagsSentence(page.List, d.From != "" || page.Next != "")
	for _, t := range page.List {
		d.List = append(d.List, tagRow{t, sparkOf(t)})
	}
	if d.Grid && len(page.List) > 0 {
		names := namesOf(page.List)
		d.Dates = ask(v, "dates of "+strings.Join(names, "\n"), tagsLife, func(ctx context.Context, r *report.Reader) ([]report.TagDate, error) {
			return r.TagDates(ctx, names)
		})
		d.Table = gridOf(page.List, d.Dates.Value)
	}
	return &view{template: "tags", Title: "Tags", Data: d, settled: true}, nil
}

func namesOf(tags []report.Tag) []string {
	names := make([]string, len(tags))
	for i, t := range tags {
		names[i] = t.Tag
	}
	return names
}

// tagsAnExport is how many tags one question brings for a list as CSV or JSON: 30 attempts
// of each are looked at.
const tagsAnExport = 500

func tagsSentence(list []report.Tag, part bool) string {
	failed := 0
	for _, t := range list {
		if glyphs[t.LastOutcome].class == "bad" {
			failed++
		}
	}
	here := listing.Plural(len(list), "tag")
	if part {
		here += " here, by name"
	}
	switch {
	case len(list) == 0 && part:
		return "There is no tag after this one."
	case len(list) == 0:
		return "No job of any tag has ended yet."
	case failed == 0:
		return here + ": the latest attempt of none failed."
	}
	return fmt.Sprintf("%s: the latest attempt of %d failed.", here, failed)
}
