package page

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

const (
	sharersMost = 20
	// jobActionsMost is how many actions on a job are shown, and drawnAttempts how many of
	// its attempts the course of a job has.
	jobActionsMost = 10
	drawnAttempts  = 8
	// usualLife is for how long the usual run time of a tag is taken for true.
	usualLife = 30 * time.Second
	// tailMost is how much of an output a page begins with.
	tailMost = 16 << 10
)

// jobData is what job.html shows.
type jobData struct {
	Sentence   string
	Job        report.JobDetail
	Statements []string // of a SQL job
	Usual      part[*float64]
	Sharers    part[[]report.Sharer]
	Actions    part[[]report.Action]
	Course     []event
	Running    bool
	MayCancel  bool
	MayRetry   bool
	Output     shownOutput
}

// event is a moment of a job.
type event struct {
	At    time.Time
	Text  string
	State string // a state or an outcome that it brought; "" for none
}

// shownOutput is what a page shows of the output of one attempt.
type shownOutput struct {
	Attempt int // 0: there is none yet
	Live    bool
	Text    string
	Bytes   int64 // that it printed
	Cut     bool  // Text is only the end of what is kept
	Whole   bool
	Wrap    bool
	Problem string
}

// job answers: why does this job not run, where does it run, or how did it end?
func job(v *visit) (*view, error) {
	id, err := jobNumber(v.r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if v.exports() {
		return export(v, fmt.Sprintf("job-%d", id), func(ctx context.Context, r *report.Reader, _ string, _ int) (rows[report.Attempt], error) {
			list, err := r.Attempts(ctx, id)
			return rows[report.Attempt]{List: list}, err
		})
	}
	j, err := must(v, fmt.Sprintf("job %d in %s", id, v.ZoneName()), fresh, func(ctx context.Context, r *report.Reader) (report.JobDetail, error) { return r.JobDetail(ctx, id) })
	if err != nil {
		return nil, err
	}
	final := j.State != "pending" && j.State != "running"
	d := jobData{
		Sentence: fmt.Sprintf("Job %d (%s): %s", j.ID, cli.Printable(j.Tag), listing.Sentence(cli.Printable(j.Explanation))),
		Job:      j, Statements: statements(j), Course: course(j), Running: j.State == "running",
		MayCancel: !final && j.CancelRequestedAt == nil,
		MayRetry:  final || j.CancelRequestedAt != nil || j.State == "pending" && j.Failures > 0 && j.RunAt.After(v.now),
	}
	d.Usual = ask(v, "usual run time of "+j.Tag, usualLife, func(ctx context.Context, r *report.Reader) (*float64, error) { return r.UsualSeconds(ctx, j.Tag) })
	d.Actions = ask(v, fmt.Sprintf("actions on job %d", id), fresh, func(ctx context.Context, r *report.Reader) ([]report.Action, error) {
		return r.Actions(ctx, report.ActionFilter{Job: id}, 0, jobActionsMost)
	})
	if j.MutexKey != nil {
		d.Sharers = ask(v, "jobs of mutex key "+*j.MutexKey, fresh, func(ctx context.Context, r *report.Reader) ([]report.Sharer, error) {
			list, err := r.Sharers(ctx, *j.MutexKey, sharersMost)
			return slices.DeleteFunc(list, func(s report.Sharer) bool { return s.ID == id }), err
		})
	}
	if d.Output, err = v.outputShown(j); err != nil {
		return nil, err
	}
	return &view{template: "job", Title: fmt.Sprintf("%d %s", j.ID, j.Tag), Data: d, settled: final}, nil
}

// outputShown is the output that a job's page shows: that of the attempt in the address,
// else of the one that runs, else of the latest that has ended.
func (v *visit) outputShown(j report.JobDetail) (shownOutput, error) {
	s := shownOutput{Whole: v.Query.Get("output") == "whole", Wrap: v.Query.Get("wrap") != "0"}
	if text := v.Query.Get("attempt"); text != "" {
		if s.Attempt = number(text); s.Attempt < 1 || s.Attempt > j.Attempt {
			return s, report.Missing("job %d has no attempt %s", j.ID, text)
		}
	}
	switch {
	case !v.Seat.Content || j.Withheld != nil:
		return s, nil
	case j.State == "running" && (s.Attempt == 0 || s.Attempt == j.Attempt):
		s.Attempt, s.Live = j.Attempt, true
		return s, nil
	case s.Attempt == 0 && len(j.Attempts) == 0:
		return s, nil
	case s.Attempt == 0:
		s.Attempt = j.Attempts[0].Attempt
	}
	o := ask(v, fmt.Sprintf("output of attempt %d of job %d", s.Attempt, j.ID), usualLife, func(ctx context.Context, r *report.Reader) (report.Output, error) {
		o, _, err := r.Output(ctx, j.ID, s.Attempt)
		return o, err
	})
	s.Text, s.Bytes, s.Problem = plain(o.Value.Output), o.Value.OutputBytes, o.Problem
	if !s.Whole {
		s.Text, s.Cut = tail(s.Text)
	}
	return s, nil
}

// tail is the end of a text, by whole lines if it has some.
func tail(text string) (end string, cut bool) {
	if len(text) <= tailMost {
		return text, false
	}
	end = text[len(text)-tailMost:]
	if _, after, ok := strings.Cut(end, "\n"); ok {
		return after, true
	}
	return strings.ToValidUTF8(end, ""), true
}

// statements are those of a SQL job, for people to read.
func statements(j report.JobDetail) (list []string) {
	if j.Kind != "sql" {
		return nil
	}
	var payload struct {
		Statement  string
		Statements []struct{ Statement string }
	}
	if json.Unmarshal(j.Payload, &payload) != nil {
		return nil
	}
	if payload.Statement != "" {
		list = append(list, payload.Statement)
	}
	for _, s := range payload.Statements {
		list = append(list, s.Statement)
	}
	return list
}

// course is what has happened to a job, and what will.
func course(j report.JobDetail) []event {
	list := []event{{At: j.CreatedAt, Text: "created by " + cli.Printable(j.CreatedBy)}}
	for i, a := range j.Attempts[:min(len(j.Attempts), drawnAttempts)] {
		wait := ""
		if a.QueueWaitSeconds > 0 {
			wait = ", after it waited for " + listing.Seconds(a.QueueWaitSeconds)
		}
		list = append(list,
			event{At: a.StartedAt, Text: fmt.Sprintf("attempt %d begins on %s%s", a.Attempt, cli.Printable(a.Hostname), wait)},
			event{At: a.FinishedAt, State: a.Outcome, Text: "after " + listing.Seconds(a.RunSeconds)})
		if i == drawnAttempts-1 && len(j.Attempts) > drawnAttempts {
			list = append(list, event{At: a.StartedAt.Add(-1), Text: fmt.Sprintf("%s before that", listing.Plural(len(j.Attempts)-drawnAttempts, "attempt"))})
		}
	}
	switch j.State {
	case "pending":
		if j.RunAt.After(j.CreatedAt) {
			list = append(list, event{At: j.RunAt, Text: "due"})
		}
	case "running":
		list = append(list, event{At: *j.StartedAt, State: "running", Text: fmt.Sprintf("attempt %d", j.Attempt)})
		if j.DeadlineAt != nil {
			list = append(list, event{At: *j.DeadlineAt, Text: "its time will be over"})
		}
	case "cancelled":
		if j.FinishedAt != nil && (len(j.Attempts) == 0 || j.FinishedAt.After(j.Attempts[0].FinishedAt)) {
			list = append(list, event{At: *j.FinishedAt, State: "cancelled", Text: "before it began"})
		}
	}
	if j.CancelRequestedAt != nil {
		list = append(list, event{At: *j.CancelRequestedAt, Text: "asked to stop"})
	}
	slices.SortStableFunc(list, func(a, b event) int { return a.At.Compare(b.At) })
	return list
}

// Result is what the runner returned; nil if that is nothing.
func (d jobData) Result() json.RawMessage {
	if string(d.Job.Result) == "null" {
		return nil
	}
	return d.Job.Result
}

// Against says how a run time compares with what is usual for the tag.
func (d jobData) Against(seconds float64) string {
	if d.Usual.Value == nil {
		return ""
	}
	if usual := *d.Usual.Value; seconds >= 1.5*usual && seconds-usual >= 1 {
		return fmt.Sprintf("%.1f times the usual", seconds/usual)
	}
	return ""
}
