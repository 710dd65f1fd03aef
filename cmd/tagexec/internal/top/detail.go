package top

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

// detail is one job, batch, pool or executor.
type detail struct {
	target
	title string
	about []string // what is known of it, each in a line
	live  live     // what a job prints
	err   error
	top   int // the first line that is shown
}

// detailed is the answer to a question about a detail.
type detailed struct {
	target
	title string
	about []string
	shown liveAnswer
	err   error
}

// open shows the detail of the chosen row.
func (s *screen) open() tea.Cmd {
	chosen := s.chosen()
	if chosen == nil || s.detail != nil {
		return nil
	}
	s.detail = &detail{target: chosen.target}
	return s.detail.ask(s)
}

// ask asks for what the detail shows.
func (d *detail) ask(s *screen) tea.Cmd {
	target, from, shown := d.target, d.live.position, s.shown
	return func() tea.Msg {
		a := detailed{target: target}
		switch target.kind {
		case aJob:
			var job report.JobDetail
			if job, a.err = s.queue.JobDetail(s.ctx, target.id); a.err == nil {
				a.title, a.about = aboutJob(job, s.look)
				a.shown = askLive(s.ctx, s.queue, job, from)
			}
		case aBatch:
			var waits []report.Wait
			waits, a.err = s.queue.Waits(s.ctx, target.name)
			a.title, a.about = "batch "+cli.Printable(target.name), aboutWaits(waits)
		default:
			a.title, a.about = aboutHolder(target, shown)
		}
		return a
	}
}

// answer takes over an answer; what could not be asked stays as it was.
func (d *detail) answer(a detailed) {
	if d.err = a.err; a.err != nil {
		return
	}
	d.title, d.about = a.title, a.about
	d.live.add(a.shown)
}

// lines are those of the detail that are in sight; of what a job prints the end is, until
// somebody scrolls.
func (d *detail) lines(s *screen, room int) []string {
	switch {
	case d.err != nil && d.title == "":
		return []string{"", s.paint(red, cli.Printable(d.err.Error()))}
	case d.title == "":
		return []string{"", "…"}
	}
	list := append([]string{s.paint(bold, d.title)}, d.about...)
	if printed := d.live.lines(); len(printed) > 0 {
		list = append(list, "", s.paint(dim, d.live.heading()))
		left := max(3, room-len(list))
		first := max(0, len(printed)-left+d.top)
		list = append(list, printed[first:]...)
		return list[:min(len(list), room)]
	}
	first := max(0, min(d.top, len(list)-room))
	return list[first:min(len(list), first+room)]
}

// scroll moves what is in sight; what a job prints scrolls back from its end.
func (d *detail) scroll(by int) {
	if len(d.live.text) > 0 {
		d.top = min(0, max(d.top+by, -len(d.live.lines())))
		return
	}
	d.top = max(0, min(d.top+by, len(d.about)))
}

// aboutJob is what is known of a job.
func aboutJob(j report.JobDetail, look *listing.Look) (title string, about []string) {
	title = fmt.Sprintf("job %d %s, %s", j.ID, cli.Printable(j.Tag), j.State)
	about = []string{cli.Printable(j.Explanation)}
	facts := fmt.Sprintf("kind %s, pool %s, %s, priority %d", cli.Printable(j.Kind), cli.Printable(j.Pool), listing.Plural(j.Slots, "slot"), j.Priority)
	if j.Batch != nil {
		facts += ", batch " + cli.Printable(*j.Batch)
	}
	if j.BizDate != nil {
		facts += ", for " + *j.BizDate
	}
	about = append(about, facts)
	const most = 5
	for i, a := range j.Attempts {
		if i == most {
			about = append(about, fmt.Sprintf("and %s before", listing.Plural(len(j.Attempts)-most, "attempt")))
			break
		}
		line := fmt.Sprintf("attempt %d %s at %s after %s on %s", a.Attempt, a.Outcome, look.Time(a.FinishedAt), listing.Seconds(a.RunSeconds), cli.Printable(a.Hostname))
		if a.Error != nil {
			line += ": " + strings.TrimSpace(text(a.ErrorCode)+" "+text(a.Error))
		}
		about = append(about, line)
	}
	if len(j.Payload) > 0 {
		about = append(about, "payload "+cli.Printable(string(j.Payload)))
	}
	return title, about
}

// aboutWaits is why the jobs of a batch do not run.
func aboutWaits(waits []report.Wait) (about []string) {
	for _, w := range waits {
		line := fmt.Sprintf("%7s  %s", listing.Thousands(w.Jobs), cli.Printable(w.Detail))
		if w.Ahead != nil && *w.Ahead > 0 {
			line += fmt.Sprintf("; %s of others ahead", listing.Capped(*w.Ahead, maxQueue))
		}
		about = append(about, line+fmt.Sprintf("  (job %d)", w.ExampleJobID))
	}
	if len(about) == 0 {
		about = []string{"Nothing of it waits or runs."}
	}
	return about
}

// aboutHolder is what runs in a pool or on an executor.
func aboutHolder(t target, s snapshot) (title string, about []string) {
	title = "pool " + cli.Printable(t.name)
	if t.kind == anExecutor {
		title = "executor " + t.name
	}
	for _, j := range s.running {
		if t.kind == aPool && j.Pool == t.name || t.kind == anExecutor && j.ExecutorID != nil && *j.ExecutorID == t.name {
			about = append(about, fmt.Sprintf("job %d %s, %s, runs for %s", j.ID, cli.Printable(j.Tag), listing.Plural(j.Slots, "slot"), listing.Seconds(seconds(j.RunSeconds))))
		}
	}
	if t.kind == anExecutor {
		for _, e := range s.executors {
			if e.ID == t.name && len(e.Unavailable) > 0 && string(e.Unavailable) != "null" {
				about = append(about, "cannot use "+cli.Printable(string(e.Unavailable)))
			}
		}
	}
	if len(about) == 0 {
		about = []string{"Nothing of it runs."}
	}
	return title, about
}
