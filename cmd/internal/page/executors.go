package page

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/cmd/internal/tell"
	"github.com/tagexec/tagexec/store/report"
)

const executorsAPage = 50

// executorsData is what executors.html shows.
type executorsData struct {
	Sentence string
	Ended    bool // those are shown that have ended
	List     []executorRow
	Lately   part[report.Ended] // in the last 24 hours
	Next     string
}

// executorRow is an executor with what it cannot use.
type executorRow struct {
	report.Executor
	Cannot []cannotUse
	Other  bool // most of the living are of another version
}

// cannotUse is what an executor cannot use, as its column unavailable has it.
type cannotUse struct {
	Kind     string    `json:"kind"`
	Resource string    `json:"resource"`
	Since    time.Time `json:"since"`
	Error    string    `json:"error"`
}

// executorList answers: who lives, how busy are they, and what can they not do?
func executorList(v *visit) (*view, error) {
	d := executorsData{}
	switch which := v.Query.Get("which"); which {
	case "":
	case "ended":
		d.Ended = true
	default:
		return nil, wrong("which=%s: executors are shown as they live, or with which=ended those that have ended", which)
	}
	list := func(ctx context.Context, r *report.Reader, from string, limit int) (found rows[report.Executor], err error) {
		if !d.Ended {
			found.List, err = r.Executors(ctx, false, limit)
			return found, err
		}
		place, err := executorPlace(from)
		if err != nil {
			return found, err
		}
		if found.List, err = r.ExecutorsEnded(ctx, place, limit); len(found.List) == limit {
			last := found.List[limit-1]
			found.Next = last.StartedAt.UTC().Format(time.RFC3339Nano) + " " + last.ID
		}
		return found, err
	}
	if v.exports() {
		return export(v, "executors", list)
	}
	limit := liveMost
	if d.Ended {
		limit = executorsAPage
	}
	from := v.Query.Get("from")
	page, err := must(v, fmt.Sprintf("executors %t %s", d.Ended, from), fresh, func(ctx context.Context, r *report.Reader) (rows[report.Executor], error) {
		return list(ctx, r, from, limit)
	})
	if err != nil {
		return nil, err
	}
	d.Lately = ask(v, "executors ended", 10*time.Second, func(ctx context.Context, r *report.Reader) (report.Ended, error) {
		return r.Ended(ctx, time.Now().Add(-24*time.Hour))
	})
	if page.Next != "" {
		d.Next = v.Here("from", page.Next)
	}
	d.Sentence = tell.Executors(page.List)
	if d.Ended {
		d.Sentence = endedSentence(d.Lately.Value)
	}
	usual := usualVersion(page.List)
	for _, e := range page.List {
		row := executorRow{Executor: e, Other: e.Alive && e.Version != usual}
		_ = json.Unmarshal(e.Unavailable, &row.Cannot) // null, or what an executor wrote
		d.List = append(d.List, row)
	}
	return &view{template: "executors", Title: "Executors", Data: d}, nil
}

// executorPlace reads a place in the list of executors that have ended: a time, a blank,
// an id.
func executorPlace(text string) (*report.ExecutorPlace, error) {
	if text == "" {
		return nil, nil
	}
	at, id, _ := strings.Cut(text, " ")
	t, err := time.Parse(time.RFC3339Nano, at)
	if err != nil || uuid.Validate(id) != nil {
		return nil, wrong("from=%s is no place in the list: begin at the latest executor", text)
	}
	return &report.ExecutorPlace{At: t, ID: id}, nil
}

func endedSentence(e report.Ended) string {
	switch n := e.Stopped + e.Reaped; {
	case n == 0:
		return "No executor ended in the last 24 hours."
	case e.Reaped == 0:
		return listing.Plural(n, "executor") + " ended in the last 24 hours, each by itself."
	default:
		return fmt.Sprintf("%s ended in the last 24 hours; %d of them without a word.", listing.Plural(n, "executor"), e.Reaped)
	}
}

// usualVersion is the version of most executors that live.
func usualVersion(list []report.Executor) (usual string) {
	n := map[string]int{}
	for _, e := range list {
		if e.Alive {
			n[e.Version]++
			if n[e.Version] > n[usual] {
				usual = e.Version
			}
		}
	}
	return usual
}
