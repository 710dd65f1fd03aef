package executor_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

func TestRecordKeepsTheIdOfTheClaim(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := &recorder{memory: newMemory()}
		id := q.add(1, store.Job{})
		p := start(t, q, executor.Config{}, func(ctx context.Context, j *store.Job) (executor.Report, error) {
			if j.Attempt > 1 {
				return executor.Report{}, nil
			}
			<-ctx.Done()
			<-time.After(time.Second)
			return executor.Report{}, nil // success after all, but too late
		})
		pass(time.Second)
		old := q.reapNow()
		until(t, time.Minute, "the job succeeds", func() bool { return q.states()["succeeded"] == 1 })
		pass(time.Second)
		var late int
		for _, results := range q.calls {
			for _, r := range results {
				if r.Attempt == 1 {
					late++
					if r.Executor != old.id {
						t.Error("the late result carries another executor")
					}
				}
			}
		}
		if h := q.history(id); late != 1 || h[0].Outcome != store.Lost || h[len(h)-1].Outcome != store.Succeeded {
			t.Errorf("%d late results, history is %+v", late, h)
		}
		if s := p.Stats(); s.Refused != 1 {
			t.Errorf("stats are %+v", s)
		}
		p.stop(t)
		q.check(t)
	})
}

func TestRecordTriesOneStatementAtATimeInAnOutage(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := &recorder{memory: newMemory(), takes: time.Second}
		began := time.Now()
		q.answer = failsFor(time.Minute)
		q.add(4000, store.Job{})
		p := start(t, q, executor.Config{Workers: 1000}, nothing)
		pass(5 * time.Second) // both that began before the first answer have failed
		for time.Since(began) < time.Minute {
			if now, _ := q.statements.read(); now > 1 {
				t.Fatalf("%d statements at the same time after %s", now, time.Since(began))
			}
			pass(100 * time.Millisecond)
		}
		until(t, time.Minute, "all jobs succeed", func() bool { return q.states()["succeeded"] == 4000 })
		p.stop(t)
		q.check(t)
	})
}

// jammed is a queue that answers to results of its first job only.
type jammed struct{ *recorder }

func (q jammed) Record(ctx context.Context, results []store.Result) ([]store.Fate, error) {
	if results[0].ID != 1 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return q.recorder.Record(ctx, results)
}

func TestRecordAtTheEndWaitsForNoStatementThatHangs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := jammed{&recorder{memory: newMemory()}}
		began := time.Now()
		q.answer = func([]store.Result) ([]store.Fate, error) {
			if time.Since(began) > 3*time.Second {
				return nil, nil
			}
			<-time.After(3 * time.Second)
			return nil, errors.New("out of order")
		}
		first := q.add(1, store.Job{})
		q.add(600, store.Job{})
		p := start(t, q, executor.Config{Workers: 1000}, func(ctx context.Context, j *store.Job) (executor.Report, error) {
			if j.ID == first {
				return executor.Report{}, nil
			}
			return takes(time.Second)(ctx, j)
		})
		pass(5 * time.Second)
		p.stop(t)
		if s := q.states(); s["succeeded"] == 0 || s["running"] < 500 || len(q.ids()) != 2 {
			t.Errorf("states are %v after %d statements that ended", s, len(q.ids()))
		}
	})
}

func TestRecordEndsAnOutageOnlyWhenNoStatementFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := &recorder{memory: newMemory()}
		first := q.add(1, store.Job{})
		began := time.Now()
		q.answer = func(results []store.Result) ([]store.Fate, error) {
			<-time.After(10 * time.Millisecond)
			fails := slices.ContainsFunc(results, func(r store.Result) bool { return r.ID == first })
			if fails && time.Since(began) < time.Minute {
				return nil, errors.New("out of order")
			}
			<-time.After(10 * time.Millisecond)
			return nil, nil
		}
		q.add(20_000, store.Job{})
		var log bytes.Buffer
		p := start(t, q, executor.Config{Workers: 1000, Log: slog.New(slog.NewTextHandler(&log, nil))}, nothing)
		until(t, 2*time.Minute, "all jobs succeed", func() bool { return q.states()["succeeded"] == 20_001 })
		p.stop(t)
		if n := strings.Count(log.String(), "works again"); n != 1 {
			t.Errorf("the log says %d times that the database works again", n)
		}
		q.check(t)
	})
}

func TestRecordStoresAtOnceWhenIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		p := start(t, m, executor.Config{}, takes(time.Second))
		id := m.add(1, store.Job{})
		until(t, 2*time.Second, "the job is claimed", func() bool { return m.states()["running"] == 1 })
		claimed := m.claimed()[len(m.claimed())-1].at
		until(t, 2*time.Second, "the job is stored", func() bool { return len(m.history(id)) == 1 })
		if took := m.history(id)[0].at.Sub(claimed); took > time.Second {
			t.Errorf("a job of 1 s was stored after %s", took)
		}
		p.stop(t)
	})
}

// After River's BackpressureRequeuesBatchAfterCompletionFailure: a batch that failed is kept.
func TestRecordKeepsResultsInOrderUntilTheDatabaseAnswers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := &recorder{memory: newMemory()}
		q.answer = failsFor(time.Minute)
		q.add(6, store.Job{})
		p := start(t, q, executor.Config{Workers: 1}, takes(time.Second))
		pass(50 * time.Second)
		if n := len(q.ids()); n < 20 || n > 80 {
			t.Errorf("%d tries in 50 s", n)
		}
		until(t, 20*time.Second, "all jobs are stored", func() bool { return q.states()["succeeded"] == 6 })
		want := []int64{1, 2, 3, 4, 5, 6}
		calls := q.ids()
		if got := calls[len(calls)-1]; !slices.Equal(got, want) {
			t.Errorf("stored in the order %v", got)
		}
		for _, ids := range calls {
			if !slices.Equal(ids, want[:len(ids)]) {
				t.Errorf("tried in the order %v", ids)
			}
		}
		p.stop(t)
		q.check(t)
	})
}

func TestRecordSettlesThePartThatIsKnown(t *testing.T) {
	const jobs = 40
	bubble(t, func(t *testing.T) {
		q := &recorder{memory: newMemory(), takes: 10 * time.Millisecond}
		first := true
		q.answer = func(results []store.Result) ([]store.Fate, error) {
			if len(results) < 4 || !first {
				return nil, nil
			}
			first = false
			fates, err := q.memory.Record(context.Background(), results[:2])
			return append(fates, make([]store.Fate, len(results)-2)...), errors.Join(err, errors.New("the others failed"))
		}
		q.add(jobs, store.Job{}) // some may be stored alone, the others gather meanwhile
		p := start(t, q, executor.Config{Workers: jobs}, nothing)
		until(t, 5*time.Second, "all jobs are stored", func() bool { return q.states()["succeeded"] == jobs })
		p.stop(t)
		if first {
			t.Error("nothing was tested")
		}
		if s := p.Stats(); s.Recorded[store.Succeeded] != jobs || s.Refused != 0 {
			t.Errorf("stats are %+v", s)
		}
		q.check(t)
	})
}

func TestRecordIsNotHeldUpByUnknownAndLockedResults(t *testing.T) {
	for _, fate := range []store.Fate{"", store.Locked, store.Unwritten} {
		t.Run("fate "+string(fate), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				q := &recorder{memory: newMemory()}
				blocked := q.add(1, store.Job{})
				began := time.Now()
				q.answer = func(results []store.Result) ([]store.Fate, error) {
					if time.Since(began) > time.Minute {
						return nil, nil
					}
					fates := make([]store.Fate, len(results))
					for i, r := range results {
						fates[i] = fate
						if r.ID != blocked {
							f, err := q.memory.Record(context.Background(), []store.Result{r})
							if err != nil {
								return fates, err
							}
							fates[i] = f[0]
						}
					}
					return fates, nil
				}
				q.add(200, store.Job{})
				p := start(t, q, executor.Config{}, takes(time.Second))
				until(t, 59*time.Second, "the others are stored", func() bool { return q.states()["succeeded"] == 200 })
				if n := len(q.ids()); n > 11*60+200 {
					t.Errorf("%d statements in a minute", n)
				}
				until(t, 10*time.Second, "all are stored", func() bool { return q.states()["succeeded"] == 201 })
				p.stop(t)
				q.check(t)
			})
		})
	}
}

// After River's CompleteDeletedJob and UnknownJobIgnored: no panic, no endless repeat.
func TestRecordCountsAndForgetsMissingAndRefusedResults(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		id := m.add(2, store.Job{})
		p := start(t, m, executor.Config{}, stubborn(time.Second))
		pass(500 * time.Millisecond)
		m.do(func() {
			delete(m.rows, id)
			m.turn(m.rows[id+1], "pending") // taken away
			m.rows[id+1].RunAt = time.Now().Add(time.Hour)
			m.rows[id+1].Attempt++
		})
		pass(time.Second)
		if s := p.Stats(); s.Missing != 1 || s.Refused != 1 || len(s.Recorded) != 0 {
			t.Errorf("stats are %+v", s)
		}
		if n := len(m.records); n > 2 {
			t.Errorf("%d statements", n)
		}
		p.stop(t)
	})
}
