package top

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/operate"
)

// actor is what the keys do to a queue; *operate.Actor does it.
type actor interface {
	CancelJobs(ctx context.Context, s operate.Selection, o operate.Order) (int, error)
	RetryJobs(ctx context.Context, s operate.Selection, o operate.Order) (int, error)
	CancelBatch(ctx context.Context, batch string, o operate.Order) (int, error)
	RetryBatch(ctx context.Context, batch, which string, o operate.Order) (int, error)
	SetPaused(ctx context.Context, pool string, paused bool, o operate.Order) error
	DrainExecutor(ctx context.Context, id string, o operate.Order) (bool, error)
}

// deed is what a key will do once it is confirmed.
type deed struct {
	question string
	do       func(context.Context, actor, operate.Order) (note string, err error)
}

// done is what came of a deed.
type done struct{ note string }

// all is every state of a job, as it may be by now.
var all = []string{"pending", "running", "succeeded", "failed", "cancelled"}

// plan asks whether to do what a key stands for to what is chosen.
func (s *screen) plan(key string) tea.Cmd {
	var t target
	switch chosen := s.chosen(); {
	case s.detail != nil:
		t = s.detail.target
	case chosen != nil:
		t = chosen.target
	default:
		return nil
	}
	if s.deed = deedOf(key, t); s.deed == nil {
		s.note = map[string]string{
			"c": "c cancels a job or a batch.", "r": "r retries a job, or what failed of a batch.",
			"p": "p pauses and resumes a pool.", "d": "d drains an executor."}[key]
		return nil
	}
	s.typing, s.reason = reasonText, ""
	return nil
}

// deedOf is what a key does to a target; nil: nothing.
func deedOf(key string, t target) *deed {
	name := cli.Printable(t.name)
	switch {
	case key == "c" && t.kind == aJob:
		return jobsDeed(fmt.Sprintf("Cancel job %d?", t.id), "cancelled, or asked to stop", t.id, actor.CancelJobs)
	case key == "r" && t.kind == aJob:
		return jobsDeed(fmt.Sprintf("Retry job %d?", t.id), "made pending again", t.id, actor.RetryJobs)
	case key == "c" && t.kind == aBatch:
		return &deed{"Cancel all that is left of batch " + name + "?", func(ctx context.Context, a actor, o operate.Order) (string, error) {
			n, err := a.CancelBatch(ctx, t.name, o)
			return fmt.Sprintf("%s of batch %s cancelled or asked to stop.", listing.Plural(n, "job"), name), err
		}}
	case key == "r" && t.kind == aBatch:
		return &deed{"Retry what failed of batch " + name + "?", func(ctx context.Context, a actor, o operate.Order) (string, error) {
			n, err := a.RetryBatch(ctx, t.name, "failed", o)
			return fmt.Sprintf("%s of batch %s made pending again.", listing.Plural(n, "job"), name), err
		}}
	case key == "p" && t.kind == aPool:
		verb, past := "Pause", "paused"
		if t.paused {
			verb, past = "Resume", "resumed"
		}
		return &deed{fmt.Sprintf("%s pool %s?", verb, name), func(ctx context.Context, a actor, o operate.Order) (string, error) {
			return fmt.Sprintf("Pool %s is %s; executors know within 5 s.", name, past), a.SetPaused(ctx, t.name, !t.paused, o)
		}}
	case key == "d" && t.kind == anExecutor:
		return &deed{"Drain executor " + name + "?", func(ctx context.Context, a actor, o operate.Order) (string, error) {
			did, err := a.DrainExecutor(ctx, t.name, o)
			if err == nil && !did {
				return "Executor " + name + " has ended or was asked already.", nil
			}
			return "Executor " + name + " claims nothing more, and ends when its jobs have.", err
		}}
	}
	return nil
}

// jobsDeed does something to one job.
func jobsDeed(question, past string, id int64, do func(actor, context.Context, operate.Selection, operate.Order) (int, error)) *deed {
	return &deed{question, func(ctx context.Context, a actor, o operate.Order) (string, error) {
		n, err := do(a, ctx, operate.Selection{IDs: []int64{id}, States: all, By: time.Now().Add(time.Hour)}, o)
		if err == nil && n == 0 {
			return fmt.Sprintf("Job %d is past that already.", id), nil
		}
		return fmt.Sprintf("Job %d is %s.", id, past), err
	}}
}

// do does what was confirmed.
func (s *screen) do() tea.Cmd {
	d, order := s.deed, operate.Order{Reason: s.reason}
	s.deed, s.reason, s.note = nil, "", "…"
	return func() tea.Msg {
		note, err := d.do(s.ctx, s.actor, order)
		if err != nil {
			note = cli.Printable(cli.Text(err))
		}
		return done{note}
	}
}
