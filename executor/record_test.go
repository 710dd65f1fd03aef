package executor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// recorder is a queue whose Record does something else first: it takes time,
// and answers for itself if answer returns fates or an error.
type recorder struct {
	*memory
	takes  time.Duration
	answer func(results []store.Result) ([]store.Fate, error)

	statements gauge // under way, by their first job

	mu    sync.Mutex
	calls [][]store.Result
}

func (q *recorder) Record(ctx context.Context, hostname string, results []store.Result) ([]store.Fate, error) {
	q.mu.Lock()
	q.calls = append(q.calls, slices.Clone(results))
	q.mu.Unlock()
	q.statements.enter(results[0].ID)
	defer q.statements.leave(results[0].ID)
	if q.takes > 0 {
		<-time.After(q.takes)
	}
	if q.answer != nil {
		if fates, err := q.answer(results); fates != nil || err != nil {
			return fates, err
		}
	}
	return q.memory.Record(ctx, hostname, results)
}

// failsFor is the answer of a database that is full for so long.
func failsFor(d time.Duration) func([]store.Result) ([]store.Fate, error) {
	began := time.Now()
	return func([]store.Result) ([]store.Fate, error) {
		if time.Since(began) < d {
			return nil, errors.New("no space left on device")
		}
		return nil, nil
	}
}

// ids returns the jobs of each call.
func (q *recorder) ids() (calls [][]int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, results := range q.calls {
		var ids []int64
		for _, r := range results {
			ids = append(ids, r.ID)
		}
		calls = append(calls, ids)
	}
	return calls
}

// After River's CompletionsCompletedInSubBatches: no statement stores too many.
func TestResultsAreStoredInGroups(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := &recorder{memory: newMemory(), takes: 50 * time.Millisecond}
		q.add(4000, store.Job{})
		p := start(t, q, executor.Config{Workers: 16}, nothing)
		until(t, time.Minute, "all jobs succeed", func() bool { return q.states()["succeeded"] == 4000 })
		p.stop(t)
		if n := len(q.ids()); n > 100 {
			t.Errorf("%d statements stored 4000 results", n)
		}
		for _, ids := range q.ids() {
			if len(ids) > 1000 {
				t.Errorf("%d results in one statement", len(ids))
			}
		}
		q.check(t)
	})
}

func TestASecondStatementStoresResultsOnlyWhenManyWait(t *testing.T) {
	for jobs, want := range map[int]int{400: 1, 4000: 2} {
		t.Run(fmt.Sprint(jobs), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				q := &recorder{memory: newMemory(), takes: time.Second}
				q.add(jobs, store.Job{})
				p := start(t, q, executor.Config{Workers: 1000}, nothing)
				until(t, time.Minute, "all jobs succeed", func() bool { return q.states()["succeeded"] == jobs })
				if _, most := q.statements.read(); most != want {
					t.Errorf("%d statements at the same time, want %d", most, want)
				}
				p.stop(t)
				q.check(t)
			})
		})
	}
}

func TestOneStatementAtATimeTriesAnUnwillingDatabase(t *testing.T) {
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

func (q jammed) Record(ctx context.Context, hostname string, results []store.Result) ([]store.Fate, error) {
	if results[0].ID != 1 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return q.recorder.Record(ctx, hostname, results)
}

func TestAtTheEndAStatementThatHangsHoldsUpNoOther(t *testing.T) {
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
		p := start(t, q, executor.Config{Workers: 1000}, func(ctx context.Context, j store.Job) (executor.Outcome, error) {
			if j.ID == first {
				return executor.Outcome{}, nil
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

func TestAStatementThatSucceedsDoesNotEndTheTroubleOfItsNeighbour(t *testing.T) {
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

func TestAResultIsStoredAtOnceWhenIdle(t *testing.T) {
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
func TestResultsAreKeptInOrderUntilTheDatabaseAnswers(t *testing.T) {
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

func TestAnAnswerThatIsPartlyKnownSettlesThatPart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := &recorder{memory: newMemory(), takes: 10 * time.Millisecond}
		first := true
		q.answer = func(results []store.Result) ([]store.Fate, error) {
			if len(results) < 4 || !first {
				return nil, nil
			}
			first = false
			fates, err := q.memory.Record(context.Background(), "", results[:2])
			return append(fates, "", ""), errors.Join(err, errors.New("the second half failed"))
		}
		q.add(5, store.Job{})
		p := start(t, q, executor.Config{Workers: 5}, nothing)
		until(t, 5*time.Second, "all jobs are stored", func() bool { return q.states()["succeeded"] == 5 })
		p.stop(t)
		if first {
			t.Error("nothing was tested")
		}
		if s := p.Stats(); s.Recorded[store.Succeeded] != 5 || s.Refused != 0 {
			t.Errorf("stats are %+v", s)
		}
		q.check(t)
	})
}

func TestUnknownAndLockedResultsBlockNoOther(t *testing.T) {
	for _, fate := range []store.Fate{"", store.Locked} {
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
							f, err := q.memory.Record(context.Background(), "", []store.Result{r})
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
func TestMissingAndRefusedResultsAreCountedAndForgotten(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemory()
		id := m.add(2, store.Job{})
		p := start(t, m, executor.Config{}, stubborn(time.Second))
		pass(500 * time.Millisecond)
		m.do(func() {
			delete(m.rows, id)
			m.turn(m.rows[id+1], "pending") // taken away
			m.rows[id+1].runAt = time.Now().Add(time.Hour)
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

// Records fail for a while while claims and heartbeats work: the worst case
// for memory, because there is always more to run.
// After River's BackpressureBeforeMaxBacklog and BackpressureReleasedAfterNonRetryableCompletionFailure: unstored results stop claims, and only so long.
func TestMemoryIsBoundedDuringAnOutageAndItRecoversWithoutARestart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q := &recorder{memory: newMemory()}
		began := time.Now()
		q.answer = failsFor(10 * time.Minute)
		const jobs, each = 1500, 60 << 10 // bytes of output
		first := q.add(jobs, store.Job{})
		g := &gauge{}
		output := strings.Repeat("x", each)
		p := start(t, q, executor.Config{Workers: 4}, g.around(func(context.Context, store.Job) (executor.Outcome, error) {
			<-time.After(time.Millisecond)
			return executor.Outcome{Output: output}, nil
		}))
		pass(9 * time.Minute)
		held := q.states()["running"]
		if held < 100 || held*each > 2*executor.MaxUnstored {
			t.Errorf("%d results of %d bytes are held", held, each)
		}
		claims := len(q.claimed())
		pass(time.Minute - time.Since(began)%time.Minute)
		if n := len(q.claimed()) - claims; n != 0 {
			t.Errorf("%d claims while memory is full", n)
		}
		until(t, 5*time.Minute, "all jobs are stored", func() bool { return q.states()["succeeded"] == jobs })
		g.each(t, first, jobs, 1)
		for _, ids := range q.ids() {
			if len(ids)*each > 2*(8<<20) {
				t.Errorf("%d large results in one statement", len(ids))
			}
		}
		p.stop(t)
		q.check(t)
	})
}

func TestJobsClaimedAheadDoNotBeginWhileMemoryIsFull(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, g := &recorder{memory: newMemory()}, &gauge{}
		q.answer = failsFor(time.Minute)
		const jobs, each = 600, 128 << 10 // bytes of payload, which waits with its result
		payload := json.RawMessage(strings.Repeat(" ", each))
		q.add(jobs, store.Job{Payload: payload})
		p := start(t, mixed{Queue: q, claim: generous{q.memory}.Claim}, executor.Config{Workers: 2}, g.around(nothing))
		pass(50 * time.Second)
		if n := len(g.runs); n*each > executor.MaxUnstored+4*each || n < 100 {
			t.Errorf("%d jobs of %d bytes ran", n, each)
		}
		until(t, 5*time.Minute, "all jobs succeed", func() bool { return q.states()["succeeded"] == jobs })
		g.each(t, 1, jobs, 1)
		p.stop(t)
		q.check(t)
	})
}
