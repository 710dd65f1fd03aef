package top

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/store/report"
)

// maxText is how many bytes of what a job prints are kept, the last.
const maxText = 64 << 10

// position is up to where the output of an attempt was read.
type position struct {
	attempt int
	from    int64
}

// live is what a job prints, as far as it was read.
type live struct {
	position
	text  string
	ended bool // it is what was recorded
	note  string
}

// liveAnswer is what came after a position.
type liveAnswer struct {
	position
	text  string
	ended bool
	note  string // why there is nothing
}

// askLive reads what a job has printed since a position: of the running attempt, else
// what was recorded of the last.
func askLive(ctx context.Context, q asker, job report.JobDetail, at position) liveAnswer {
	if job.State != "running" {
		if len(job.Attempts) == 0 {
			return liveAnswer{}
		}
		last := job.Attempts[0].Attempt
		o, found, err := q.Output(ctx, job.ID, last)
		a := liveAnswer{position: position{attempt: last}, ended: true, note: noteOf(err)}
		if found && o.Output != nil {
			a.text = *o.Output
		}
		return a
	}
	a := liveAnswer{position: at}
	if at.attempt != job.Attempt {
		a.position = position{attempt: job.Attempt}
	}
	if _, err := q.Watch(ctx, job.ID); err != nil {
		a.note = noteOf(err)
		return a
	}
	chunks, err := q.Chunks(ctx, job.ID, job.Attempt, a.from)
	a.note = noteOf(err)
	for _, c := range chunks {
		a.text += c.Chunk
		a.from = c.AtByte + int64(len(c.Chunk))
	}
	return a
}

// noteOf says why what a job prints is not shown.
func noteOf(err error) string {
	var refused *report.RefusedError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refused):
		return "what it prints may be read by members of " + refused.Role
	}
	return cli.Printable(err.Error())
}

// add takes over what came.
func (l *live) add(a liveAnswer) {
	if l.attempt != a.attempt || a.ended {
		l.text = ""
	}
	l.position, l.ended, l.note = a.position, a.ended, a.note
	if l.text += a.text; len(l.text) > maxText {
		l.text = strings.ToValidUTF8(l.text[len(l.text)-maxText:], "")
	}
}

func (l *live) heading() string {
	switch {
	case l.note != "":
		return l.note
	case l.ended:
		return fmt.Sprintf("attempt %d printed:", l.attempt)
	}
	return fmt.Sprintf("attempt %d prints:", l.attempt)
}

// lines are the printable lines of the text; none where there is nothing to say of it.
func (l *live) lines() []string {
	if l.text == "" && l.note == "" {
		return nil
	}
	lines := strings.Split(strings.TrimRight(l.text, "\n"), "\n")
	for i, line := range lines {
		lines[i] = cli.Printable(strings.ReplaceAll(line, "\t", "    "))
	}
	return lines
}
