package page

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/cmd/internal/meant"
	"github.com/tagexec/tagexec/cmd/internal/tell"
	"github.com/tagexec/tagexec/store/report"
)

const (
	// tagDays is how many days of a tag are shown where nobody asks for more.
	tagDays = 30
	// tagDaysMost is how many somebody may ask for.
	tagDaysMost = 366
	// tagRuns is how many of its latest runs are listed.
	tagRuns = 30
)

// tagData is what tag.html shows.
type tagData struct {
	Sentence string
	Tag      string
	Days     int
	Spans    []link // other numbers of days
	Looked   int    // at so many attempts at most
	Further  string // the link to look at more; "" if there are none, or that was done
	History  report.TagHistory
	Chart    tagChart
	Runs     part[[]report.TagRun]
	DaysSQL  string
	RunsSQL  string
}

// tag answers: how did this tag do?
func tag(v *visit) (*view, error) {
	name := v.r.PathValue("tag")
	days, err := tagSpan(v.Query.Get("days"))
	if err != nil {
		return nil, err
	}
	now := v.now.In(v.Zone)
	since := time.Date(now.Year(), now.Month(), now.Day()-days+1, 0, 0, 0, 0, v.Zone)
	looked := report.TagAttempts
	if v.exports() || v.Query.Get("further") != "" {
		looked = report.TagAttemptsFurther
	}
	history := func(ctx context.Context, r *report.Reader) (report.TagHistory, error) {
		if looked > report.TagAttempts {
			r = r.Within(furtherLimit)
		}
		return r.TagHistory(ctx, name, since, v.now, looked)
	}
	if v.exports() {
		return export(v, "days", func(ctx context.Context, r *report.Reader, _ string, _ int) (rows[report.TagDay], error) {
			h, err := history(ctx, r)
			return rows[report.TagDay]{List: h.Days}, err
		})
	}
	h, err := must(v, fmt.Sprintf("%d days of %s in %s by %d attempts", days, name, v.ZoneName(), looked), tagsLife, history)
	if err != nil {
		return nil, err
	}
	d := tagData{Tag: name, Days: days, History: h, Looked: looked, DaysSQL: v.reader.TagDaysSQL(name, since, looked), RunsSQL: v.reader.TagRunsSQL(name, tagRuns)}
	d.Runs = ask(v, "runs of "+name, tagsLife, func(ctx context.Context, r *report.Reader) ([]report.TagRun, error) {
		return r.TagRuns(ctx, name, tagRuns)
	})
	if h.Attempts == 0 && d.Runs.Known && len(d.Runs.Value) == 0 {
		_, err := must(v, "names like "+name, tagsLife, func(ctx context.Context, r *report.Reader) (any, error) { return nil, meant.Tag(ctx, r, name) })
		return nil, err
	}
	d.Sentence = tell.Tag(h.TagSummary, days)
	if h.Attempts == 0 {
		d.Sentence = fmt.Sprintf("No job of %s has ended in the last %s.", name, listing.Plural(days, "day"))
	}
	if h.Capped && looked < report.TagAttemptsFurther {
		d.Further = v.Here("further", "yes")
	}
	d.Chart = chartOfTag(since, days, h.Days)
	for _, n := range []int{7, 30, 90, 365} {
		d.Spans = append(d.Spans, link{listing.Plural(n, "day"), v.Here("days", strconv.Itoa(n)), n == days})
	}
	return &view{template: "tag", Title: name, Data: d, settled: true}, nil
}

// tagSpan reads how many days are wanted.
func tagSpan(text string) (int, error) {
	if text == "" {
		return tagDays, nil
	}
	days, err := strconv.Atoi(text)
	if err != nil || days < 1 || days > tagDaysMost {
		return 0, wrong("days=%s: from 1 to %d days are shown", text, tagDaysMost)
	}
	return days, nil
}

// Until is the day after one, for a link to what ended on it.
func (d tagData) Until(day string) string { return dayAfter(day, 1) }
