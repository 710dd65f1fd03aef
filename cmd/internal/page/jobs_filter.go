package page

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/store/report"
)

// filterNames are the parameters by which jobs are found, in the order of the form.
var filterNames = []string{"state", "tag", "batch", "pool", "kind", "error", "biz_date", "executor", "ended_since", "ended_until", "created_since", "created_until", "payload"}

var jobStates = []string{"pending", "running", "succeeded", "failed", "cancelled"}

// jobFilter reads which jobs are wanted. Times are in a zone, or before now.
func jobFilter(query url.Values, zone *time.Location, now time.Time) (f report.JobFilter, err error) {
	for _, list := range query["state"] {
		for _, s := range strings.Split(list, ",") {
			if s == "" || slices.Contains(f.States, s) {
				continue
			}
			if !slices.Contains(jobStates, s) {
				return f, wrong("state=%s: a job is %s", s, strings.Join(jobStates, ", "))
			}
			f.States = append(f.States, s)
		}
	}
	f.Tag, f.Batch, f.Pool, f.Kind, f.Error = query.Get("tag"), query.Get("batch"), query.Get("pool"), query.Get("kind"), query.Get("error")
	if f.BizDate = query.Get("biz_date"); f.BizDate != "" {
		if _, err := time.Parse(time.DateOnly, f.BizDate); err != nil {
			return f, wrong("biz_date=%s: a business date looks like 2026-11-22", f.BizDate)
		}
	}
	if f.Executor = query.Get("executor"); f.Executor != "" && uuid.Validate(f.Executor) != nil {
		return f, wrong("executor=%s: an executor is named by its id, which is a UUID; the page of executors has them", f.Executor)
	}
	for name, at := range map[string]*time.Time{"ended_since": &f.Since, "ended_until": &f.Until, "created_since": &f.CreatedSince, "created_until": &f.CreatedUntil} {
		if *at, err = moment(name, query.Get(name), zone, now); err != nil {
			return f, err
		}
	}
	if text := query.Get("payload"); text != "" {
		path, value, ok := strings.Cut(text, "=")
		if !ok || path == "" {
			return f, wrong("payload=%s: name a field and its value, such as statement=SELECT 1 or args.0=42", text)
		}
		f.Payload = &report.InPayload{Path: strings.Split(path, "."), Value: value}
	}
	return f, nil
}

// moment reads a time: one that was so long ago, such as 24h or 7d, or a day, with or
// without a time. Nothing is the zero time.
func moment(name, text string, zone *time.Location, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	var ago cli.Duration
	if ago.Set(text) == nil {
		return now.Add(-time.Duration(ago)), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02T15:04:05", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil && t.Year() > 0 && t.Year() < 9999 {
			return t, nil
		}
	}
	return time.Time{}, wrong("%s=%s: a time is one such as 2026-11-22 03:00, a day such as 2026-11-22, or how long ago, such as 24h or 7d", name, text)
}

// given are the parameters of a filter that are there, in the order of the form.
func given(query url.Values) (list []hidden) {
	for _, name := range filterNames {
		for _, value := range query[name] {
			if value != "" {
				list = append(list, hidden{name, value})
			}
		}
	}
	return list
}

// written is a filter as an address has it: so it stays on record.
func written(query url.Values) string {
	var words []string
	for _, g := range given(query) {
		words = append(words, g.Name+"="+url.QueryEscape(g.Value))
	}
	return strings.Join(words, "&")
}

// options are those of the command line for the parts of a filter that it has, too.
var options = map[string]string{"state": "state", "tag": "tag", "batch": "batch", "pool": "pool", "kind": "kind", "error": "error", "ended_since": "since"}

// command lists the same on the command line; "" if that has not all of the filter.
func command(query url.Values) string {
	words := "tagexec jobs list"
	for _, g := range given(query) {
		option, known := options[g.Name]
		if known = known && (option != "since" || new(cli.Duration).Set(g.Value) == nil); !known {
			return ""
		}
		words += " --" + option + " " + cli.ShellWord(g.Value)
	}
	return words
}

// what says in words which jobs are meant: "failed jobs of batch b".
func what(f report.JobFilter, one bool) string {
	noun := "jobs"
	if one {
		noun = "job"
	}
	if len(f.States) > 0 {
		noun = strings.Join(f.States, " or ") + " " + noun
	}
	for _, part := range []struct{ format, value string }{
		{" of tag %s", f.Tag}, {" of batch %s", f.Batch}, {" in pool %s", f.Pool}, {" of kind %s", f.Kind}, {" for %s", f.BizDate},
	} {
		if part.value != "" {
			noun += fmt.Sprintf(part.format, cli.Printable(part.value))
		}
	}
	return noun
}
