package executor_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/store"
)

// printer is a Runner that prints what it is told to, until it is told to end.
type printer struct {
	lines chan string // for job 1
	more  func(ctx context.Context)
}

func newPrinter() *printer {
	return &printer{lines: make(chan string), more: func(context.Context) {}}
}

func (p *printer) run(ctx context.Context, job *store.Job) (executor.Report, error) {
	var out runner.Capture
	derived, cancel := context.WithCancel(ctx)
	defer cancel()
	executor.ShowOutput(derived, &out)
	p.more(ctx)
	lines := p.lines
	if job.ID != 1 {
		lines = nil
		fmt.Fprintf(&out, "job %d\n", job.ID)
	}
	for {
		select {
		case line, more := <-lines:
			if !more {
				return executor.Report{Output: out.String()}, nil
			}
			fmt.Fprintln(&out, line)
		case <-ctx.Done():
			return executor.Report{Output: out.String()}, context.Cause(ctx)
		}
	}
}

// watch says that somebody watches a job, or nobody any more.
func (m *memory) watch(id int64, watched bool) { m.do(func() { m.rows[id].watched = watched }) }

// live is what the present attempt of a job has shown.
func (m *memory) live(id int64) (text string) {
	m.do(func() { text = m.rows[id].live })
	return text
}

func TestLiveShowsWhatAWatchedJobPrintsAndNoOther(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, p := newMemory(), newPrinter()
		id := m.add(2, store.Job{})
		pool := start(t, m, executor.Config{}, p.run)
		p.lines <- "before"
		pass(time.Minute)
		if got := m.live(id); got != "" {
			t.Errorf("%q is shown though nobody watches", got)
		}
		m.watch(id, true)
		until(t, 2500*time.Millisecond, "the first bytes are shown", func() bool { return m.live(id) == "before\n" })
		p.lines <- "one"
		until(t, 1500*time.Millisecond, "a line is shown", func() bool { return m.live(id) == "before\none\n" })
		m.watch(id, false)
		pass(5 * time.Second)
		p.lines <- "two"
		pass(time.Minute)
		if got := m.live(id); got != "before\none\n" {
			t.Errorf("%q is shown after the watch", got)
		}
		m.watch(id, true)
		until(t, 3500*time.Millisecond, "it goes on", func() bool { return m.live(id) == "before\none\ntwo\n" })
		close(p.lines)
		until(t, time.Second, "the job succeeds", func() bool { return m.states()["succeeded"] == 1 })
		if got := m.live(id + 1); got != "" {
			t.Errorf("%q is shown of the other job", got)
		}
		if h := m.history(id); len(h) != 1 || h[0].Output != "before\none\ntwo\n" {
			t.Errorf("recorded %+v", h)
		}
		pool.stop(t)
		m.check(t)
	})
}

func TestLiveBeginsAgainWithAnotherAttempt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		id := m.add(1, store.Job{})
		m.watch(id, true)
		pool := start(t, m, executor.Config{}, func(ctx context.Context, job *store.Job) (executor.Report, error) {
			var out runner.Capture
			executor.ShowOutput(ctx, &out)
			fmt.Fprintf(&out, "attempt %d\n", job.Attempt)
			<-time.After(10 * time.Second)
			return executor.Report{Output: out.String()}, errors.New("again")
		})
		for attempt := range 3 {
			want := fmt.Sprintf("attempt %d\n", attempt+1)
			until(t, time.Minute, want+" is shown", func() bool { return m.live(id) == want })
		}
		until(t, time.Minute, "the job fails", func() bool { return m.states()["failed"] == 1 })
		pool.stop(t)
		m.check(t)
	})
}

// What goes wrong with live output costs nothing but live output.
func TestLiveOutputThatFailsKeepsNothingFromItsWork(t *testing.T) {
	for _, tt := range []struct {
		name string
		show func(ctx context.Context, c store.LiveOutput) (bool, error)
		more func(ctx context.Context) // what the Runner does besides
	}{
		{"the database fails", func(context.Context, store.LiveOutput) (bool, error) { return false, errors.New("away") }, nil},
		{"the database hangs", func(ctx context.Context, _ store.LiveOutput) (bool, error) {
			<-ctx.Done()
			return false, ctx.Err()
		}, nil},
		{"the text is refused", func(context.Context, store.LiveOutput) (bool, error) { return false, nil }, nil},
		{"the output panics", nil, func(ctx context.Context) {
			executor.ShowOutput(ctx, outputFunc(func(int64) ([]byte, int64) { panic("no") }))
		}},
		{"the output hangs", nil, func(ctx context.Context) {
			executor.ShowOutput(ctx, outputFunc(func(int64) ([]byte, int64) { <-time.After(time.Hour); return nil, 0 }))
		}},
		{"the output does not go on", nil, func(ctx context.Context) {
			executor.ShowOutput(ctx, outputFunc(func(int64) ([]byte, int64) { return []byte("again\n"), 0 }))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				m, p := newMemory(), newPrinter()
				if tt.more != nil {
					p.more = tt.more
				}
				id := m.add(2, store.Job{})
				m.watch(id, true)
				m.watch(id+1, true)
				pool := start(t, mixed{Queue: m, showOutput: tt.show}, executor.Config{}, p.run)
				p.lines <- "one"
				pass(time.Minute)
				if got := m.live(id); tt.show != nil && got != "" || tt.more != nil && got != "" {
					t.Errorf("%q is shown", got)
				}
				m.do(func() { m.rows[id+1].cancel = true })
				until(t, 5*time.Second, "the other job is cancelled", func() bool { return m.states()["cancelled"] == 1 })
				close(p.lines)
				until(t, time.Second, "the job succeeds", func() bool { return m.states()["succeeded"] == 1 })
				if h := m.history(id); len(h) != 1 || h[0].Output != "one\n" {
					t.Errorf("recorded %+v", h)
				}
				if took := pool.stop(t); took > 5*time.Second {
					t.Errorf("the end took %s", took)
				}
				m.check(t)
			})
		})
	}
}

// outputFunc is an Output of one function.
type outputFunc func(offset int64) ([]byte, int64)

func (f outputFunc) From(offset int64) ([]byte, int64) { return f(offset) }

func TestLiveRepeatsAChunkWhoseAnswerWasLost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, p := newMemory(), newPrinter()
		id := m.add(1, store.Job{})
		m.watch(id, true)
		n := 0
		q := mixed{Queue: m, showOutput: func(ctx context.Context, c store.LiveOutput) (bool, error) {
			more, err := m.ShowOutput(ctx, c)
			if n++; n%2 == 1 {
				return false, errors.New("the answer was lost")
			}
			return more, err
		}}
		pool := start(t, q, executor.Config{}, p.run)
		want := ""
		for i := range 5 {
			line := fmt.Sprintf("line %d", i)
			p.lines <- line
			want += line + "\n"
			until(t, 5*time.Second, want+" is shown", func() bool { return m.live(id) == want })
		}
		close(p.lines)
		pool.stop(t)
	})
}

func TestShowOutputDoesNothingOutsideAJob(t *testing.T) {
	t.Parallel()
	executor.ShowOutput(t.Context(), outputFunc(nil))
}
