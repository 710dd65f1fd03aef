package page

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

// gridDates is how many business dates the grid of tags has.
const gridDates = 14

// grid is a table of tags by business date.
type grid struct {
	Dates []gridDate
	Rows  []gridRow
	Words string // what is missing
}

// gridDate is a column.
type gridDate struct{ Date, Short string }

// gridRow is a tag; its cells are in the order of the dates.
type gridRow struct {
	Tag   string
	Cells []gridCell
}

// gridCell is how a tag did for a date. Beside outcomes there are: missing, where nothing
// ended for a date; not yet, before the first date of a tag; unknown, where nobody looked
// so far back.
type gridCell struct {
	Outcome  string
	Attempts int
}

// gridOf makes the grid of tags.
func gridOf(tags []report.Tag, found []report.TagDate) grid {
	var all []string
	cells := map[[2]string]report.TagDate{}
	first := map[string]report.TagDate{} // the earliest date that was seen of a tag
	for _, d := range found {
		all = append(all, d.BizDate)
		cells[[2]string{d.Tag, d.BizDate}] = d
		first[d.Tag] = d // the last one in their order
	}
	g := grid{}
	for _, date := range lastDates(all) {
		short := date
		if t, err := time.Parse(time.DateOnly, date); err == nil {
			short = t.Format("Jan _2")
		}
		g.Dates = append(g.Dates, gridDate{date, short})
	}
	holes := map[string][]string{}
	for _, t := range tags {
		row := gridRow{Tag: t.Tag}
		for _, date := range g.Dates {
			cell := gridCell{Outcome: "missing"}
			d, ran := cells[[2]string{t.Tag, date.Date}]
			began, known := first[t.Tag]
			switch {
			case ran:
				cell = gridCell{d.Outcome, d.Attempts}
			case known && date.Date < began.BizDate && began.Looked:
				cell.Outcome = "not yet"
			case known && date.Date < began.BizDate:
				cell.Outcome = "unknown"
			default:
				holes[t.Tag] = append(holes[t.Tag], date.Short)
			}
			row.Cells = append(row.Cells, cell)
		}
		g.Rows = append(g.Rows, row)
	}
	g.Words = holesInWords(tags, holes)
	return g
}

// lastDates are the latest dates of some, the earliest first. Where half of them follow one
// another, those between are among them: nothing ran at all for these.
func lastDates(dates []string) []string {
	slices.Sort(dates)
	dates = slices.Compact(dates)
	dates = dates[max(0, len(dates)-gridDates):]
	daily := 0
	for i := 1; i < len(dates); i++ {
		if dayAfter(dates[i-1], 1) == dates[i] {
			daily++
		}
	}
	if len(dates) < 2 || daily*2 < len(dates)-1 {
		return dates
	}
	var list []string
	last := dates[len(dates)-1]
	for i := gridDates - 1; i >= 0; i-- {
		if date := dayAfter(last, -i); date >= dates[0] {
			list = append(list, date)
		}
	}
	return list
}

// dayAfter is the date some days later.
func dayAfter(date string, days int) string {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return date // such as one before Christ
	}
	return t.AddDate(0, 0, days).Format(time.DateOnly)
}

// holesInWords says which tags lack dates.
func holesInWords(tags []report.Tag, holes map[string][]string) string {
	if len(holes) == 0 {
		return "No hole: each of these tags ran for each of these dates."
	}
	var told []string
	for _, t := range tags {
		if dates := holes[t.Tag]; len(dates) > 0 && len(told) < 3 {
			text := strings.Join(dates, ", ")
			if len(dates) > 3 {
				text = fmt.Sprintf("%s and %d more", strings.Join(dates[:3], ", "), len(dates)-3)
			}
			told = append(told, fmt.Sprintf("%s lacks %s", t.Tag, text))
		}
	}
	text := fmt.Sprintf("%s of %s with holes: %s", listing.Thousands(len(holes)), listing.Plural(len(tags), "tag"), strings.Join(told, "; "))
	if more := len(holes) - len(told); more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text + "."
}
