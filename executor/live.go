package executor

import (
	"context"
	"fmt"
	"time"

	"github.com/tagexec/tagexec/store"
)

const (
	// showInterval is the time between two chunks of an attempt that is watched.
	showInterval = time.Second
	// forgetInterval is the time between two looks for what need not be shown any more.
	forgetInterval = time.Minute
)

// live shows the output of attempts that somebody watches. It is one goroutine, for
// which nobody waits: what it cannot show is recorded at the end all the same.
type live struct {
	*Pool
	watched chan []*attempt // the newest list; capacity 1
	outage  outage
}

func newLive(p *Pool) *live {
	return &live{Pool: p, watched: make(chan []*attempt, 1), outage: p.outage("show output")}
}

// watch says which attempts are watched from now on. It does not wait. It is called
// by one goroutine.
func (l *live) watch(list []*attempt) {
	select {
	case <-l.watched:
	default:
	}
	l.watched <- list
}

// run shows what is watched until ctx ends.
func (l *live) run(ctx context.Context) {
	var (
		list []*attempt
		due  <-chan time.Time // of the next chunks; nil while nothing is watched
	)
	forget := time.NewTicker(forgetInterval)
	defer forget.Stop()
	for {
		if due == nil && len(list) > 0 {
			due = time.After(showInterval)
		}
		var err error
		select {
		case <-ctx.Done():
			return
		case <-forget.C:
			err = l.queue.ForgetOutput(ctx)
		case list = <-l.watched:
			err = l.show(ctx, list, func(a *attempt) bool { return a.shown == nil }) // the first chunk does not wait
		case <-due:
			due = nil
			err = l.show(ctx, list, func(*attempt) bool { return true })
		}
		switch {
		case err == nil:
			l.outage.over()
		case ctx.Err() == nil:
			sleep(ctx, l.outage.again(err))
		}
	}
}

// show shows the next chunks of some attempts of a list. After an error the others
// wait for the next time.
func (l *live) show(ctx context.Context, list []*attempt, which func(*attempt) bool) error {
	for _, a := range list {
		out := a.ctx.output.Load()
		if out == nil || a.ended.Load() || !which(a) {
			continue
		}
		if a.shown == nil {
			a.shown = &liveText{}
		}
		if err := l.showNext(ctx, a, *out); err != nil {
			return err
		}
	}
	return nil
}

func (l *live) showNext(ctx context.Context, a *attempt, out Output) error {
	t := a.shown
	if err := t.read(out); err != nil {
		l.config.Log.Warn("the output of a running job cannot be shown", "kind", a.job.Kind, "job", a.job.ID, "error", err)
	}
	text := t.chunk()
	if text == "" {
		return nil
	}
	more, err := l.queue.ShowOutput(ctx, store.LiveOutput{Claim: a.job.Claim, From: t.shown, Text: text, Printed: t.printed()})
	if err != nil {
		return err // the same chunk is sent again
	}
	if t.sent(); !more {
		t.end()
	}
	return nil
}

// read reads on. A panic of the Output ends what is shown of it.
func (t *liveText) read(out Output) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			t.end()
			err = fmt.Errorf("the runner's Output panicked: %v", reason)
		}
	}()
	if t.wants() {
		t.add(out.From(t.offset))
	}
	return nil
}
