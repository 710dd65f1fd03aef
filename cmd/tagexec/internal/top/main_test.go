package top

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/operate"
	"github.com/tagexec/tagexec/store/report"
)

var noon = time.Date(2020, 11, 22, 12, 0, 0, 0, time.UTC)

// still is a queue at noon.
type still struct {
	err      error // of every question
	running  []report.Job
	failures []report.Job
	pools    []report.Pool
	batches  []report.Batch
	printed  []report.Chunk
	watched  int
}

func (q *still) Jobs(_ context.Context, f report.JobFilter, _ *report.Place, _ int) (report.JobPage, error) {
	if f.States[0] == "failed" {
		return report.JobPage{Jobs: q.failures}, q.err
	}
	return report.JobPage{Jobs: q.running}, q.err
}
func (q *still) Pools(context.Context) ([]report.Pool, error) { return q.pools, q.err }
func (q *still) Executors(context.Context, bool, int) ([]report.Executor, error) {
	return []report.Executor{{ID: "00000000-0000-0000-0000-000000000001", Hostname: "etl-1", Version: "1.0", Workers: 8, Running: len(q.running), Kinds: []string{"sql"},
		Alive: true, HeartbeatAt: noon.Add(-2 * time.Second)}}, q.err
}
func (q *still) Batches(context.Context, report.BatchFilter, *report.BatchPlace, int) (report.BatchPage, error) {
	return report.BatchPage{Batches: q.batches}, q.err
}
func (q *still) Pace(context.Context) (report.Pace, error) {
	return report.Pace{Attempts: 500, Failed: 10}, q.err
}
func (q *still) JobDetail(_ context.Context, id int64) (report.JobDetail, error) {
	for _, j := range append(q.running, q.failures...) {
		if j.ID == id {
			return report.JobDetail{Job: j, Explanation: "as it is"}, q.err
		}
	}
	return report.JobDetail{}, errors.New("there is no such job")
}
func (q *still) Waits(context.Context, string) ([]report.Wait, error) {
	return []report.Wait{{Reason: "pool_full", Detail: "pool dwh is full", Jobs: 41, Ahead: new(240), ExampleJobID: 7}}, q.err
}
func (q *still) Output(context.Context, int64, int) (report.Output, bool, error) {
	return report.Output{}, false, nil
}
func (q *still) Watch(context.Context, int64) (bool, error) {
	q.watched++
	return true, nil
}
func (q *still) Chunks(_ context.Context, _ int64, _ int, from int64) (list []report.Chunk, _ error) {
	for _, c := range q.printed {
		if c.AtByte >= from {
			list = append(list, c)
		}
	}
	return list, nil
}

// deeds notes what is done.
type deeds struct{ list []string }

func (d *deeds) note(format string, args ...any) {
	d.list = append(d.list, fmt.Sprintf(format, args...))
}
func (d *deeds) CancelJobs(_ context.Context, s operate.Selection, o operate.Order) (int, error) {
	d.note("cancel %d: %s", s.IDs, o.Reason)
	return 1, nil
}
func (d *deeds) RetryJobs(_ context.Context, s operate.Selection, o operate.Order) (int, error) {
	d.note("retry %d: %s", s.IDs, o.Reason)
	return 0, nil
}
func (d *deeds) CancelBatch(_ context.Context, batch string, o operate.Order) (int, error) {
	d.note("cancel %s: %s", batch, o.Reason)
	return 2, nil
}
func (d *deeds) RetryBatch(_ context.Context, batch, which string, o operate.Order) (int, error) {
	d.note("retry %s of %s: %s", which, batch, o.Reason)
	return 2, nil
}
func (d *deeds) SetPaused(_ context.Context, pool string, paused bool, o operate.Order) error {
	d.note("pause %s %v: %s", pool, paused, o.Reason)
	return &report.RefusedError{Doing: "pause or resume the pool", Role: "tagexec_operator", Err: errors.New("permission denied")}
}
func (d *deeds) DrainExecutor(_ context.Context, id string, o operate.Order) (bool, error) {
	d.note("drain %s: %s", id[:8], o.Reason)
	return true, nil
}

// busy is a queue with something in each tab.
func busy() *still {
	job := func(id int64, tag, pool string, ran time.Duration) report.Job {
		return report.Job{ID: id, Tag: tag, Kind: "sql", Pool: pool, Slots: 1, Batch: new("nightly"), State: "running", Attempt: 1, MaxAttempts: 3, StartedAt: new(noon.Add(-ran)),
			RunSeconds: new(ran.Seconds()), DeadlineAt: new(noon.Add(time.Hour - ran)), ExecutorID: new("00000000-0000-0000-0000-000000000001")}
	}
	failed := job(9, "lost", "dwh", time.Second)
	failed.State, failed.FinishedAt, failed.ErrorCode, failed.Error = "failed", new(noon.Add(-time.Minute)), new("42P01"), new("relation \"x\" does not exist")
	return &still{
		running:  []report.Job{job(1, "high_value", "dwh", 90*time.Second), job(2, "churn_risk", "lake", 5*time.Second)},
		failures: []report.Job{failed},
		pools: []report.Pool{{Pool: "dwh", Slots: new(1), Used: 1, Due: 300, Pending: 1300, OldestDueSeconds: new(61.0)},
			{Pool: "lake", Used: 1, Due: 100_001, Pending: 100_001, Paused: true}},
		batches: []report.Batch{{Batch: "nightly", DagID: new("tags_daily"), DueAt: new(noon.Add(-5 * time.Minute)), Counts: report.Counts{Jobs: 500, Pending: 60, Running: 2, Succeeded: 437, Failed: 1}}},
	}
}

func zone(t *testing.T) *listing.Look {
	t.Helper()
	look, err := (&listing.Options{Format: listing.Table, Zone: "UTC", Colour: "never"}).Look(cli.Streams{})
	if err != nil {
		t.Fatal(err)
	}
	return look
}

// shown is a screen that has looked at a queue.
func shown(t *testing.T, q *still, a actor) *screen {
	t.Helper()
	s := &screen{ctx: t.Context(), queue: q, actor: a, look: zone(t), width: 100, height: 20}
	s.Update(looked{takeSnapshot(t.Context(), q, noon, snapshot{})})
	return s
}

// press presses keys, and lets what follows from each come to its end; a word of several letters is typed.
func (s *screen) pressAll(keys ...string) {
	for _, key := range keys {
		msg := tea.KeyPressMsg{Text: key}
		switch key {
		case "enter":
			msg = tea.KeyPressMsg{Code: tea.KeyEnter}
		case "esc":
			msg = tea.KeyPressMsg{Code: tea.KeyEscape}
		case "backspace":
			msg = tea.KeyPressMsg{Code: tea.KeyBackspace}
		case "space":
			msg = tea.KeyPressMsg{Code: tea.KeySpace, Text: " "}
		case "down":
			msg = tea.KeyPressMsg{Code: tea.KeyDown}
		default:
			if len(key) == 1 {
				msg.Code = rune(key[0])
			}
		}
		if _, cmd := s.Update(msg); cmd != nil {
			s.Update(cmd())
		}
	}
}

// screenHas fails the test unless each text is on the screen.
func (s *screen) has(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(s.draw(), text) {
			t.Errorf("the screen lacks %q:\n%s", text, s.draw())
		}
	}
}
