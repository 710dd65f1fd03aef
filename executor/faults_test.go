package executor_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// mixed is a Queue whose sessions have other methods: those that are not nil.
// Each gets the session that it stands before.
type mixed struct {
	executor.Queue
	claim        func(ctx context.Context, s store.Session, n int) (store.Claimed, error)
	claimSuspect func(ctx context.Context, s store.Session) ([]store.Job, error)
	listen       func(ctx context.Context, s store.Session, listening, notified func()) error
	heartbeat    func(ctx context.Context, s store.Session) (bool, error)
	running      func(ctx context.Context, s store.Session) ([]store.Running, error)
	showOutput   func(ctx context.Context, c store.LiveOutput) (bool, error)
	stop         func(ctx context.Context, s store.Session) error
}

func (q mixed) Register(ctx context.Context, e store.Executor) (store.Session, error) {
	s, err := q.Queue.Register(ctx, e)
	if err != nil {
		return nil, err
	}
	return mixedSession{s, q}, nil
}

func (q mixed) ShowOutput(ctx context.Context, c store.LiveOutput) (bool, error) {
	if q.showOutput == nil {
		return q.Queue.ShowOutput(ctx, c)
	}
	return q.showOutput(ctx, c)
}

type mixedSession struct {
	store.Session
	mixed mixed
}

func (s mixedSession) Claim(ctx context.Context, n int) (store.Claimed, error) {
	if s.mixed.claim == nil {
		return s.Session.Claim(ctx, n)
	}
	return s.mixed.claim(ctx, s.Session, n)
}

func (s mixedSession) ClaimSuspect(ctx context.Context) ([]store.Job, error) {
	if s.mixed.claimSuspect == nil {
		return s.Session.ClaimSuspect(ctx)
	}
	return s.mixed.claimSuspect(ctx, s.Session)
}

func (s mixedSession) Listen(ctx context.Context, listening, notified func()) error {
	if s.mixed.listen == nil {
		return s.Session.Listen(ctx, listening, notified)
	}
	return s.mixed.listen(ctx, s.Session, listening, notified)
}

func (s mixedSession) Heartbeat(ctx context.Context) (bool, error) {
	if s.mixed.heartbeat == nil {
		return s.Session.Heartbeat(ctx)
	}
	return s.mixed.heartbeat(ctx, s.Session)
}

func (s mixedSession) Running(ctx context.Context) ([]store.Running, error) {
	if s.mixed.running == nil {
		return s.Session.Running(ctx)
	}
	return s.mixed.running(ctx, s.Session)
}

func (s mixedSession) Stop(ctx context.Context) error {
	if s.mixed.stop == nil {
		return s.Session.Stop(ctx)
	}
	return s.mixed.stop(ctx, s.Session)
}

// slowClaims is a database that is far away: it answers claims so late.
func slowClaims(q executor.Queue, late time.Duration) executor.Queue {
	return mixed{Queue: q, claim: func(ctx context.Context, s store.Session, n int) (store.Claimed, error) {
		claimed, err := s.Claim(ctx, n)
		<-time.After(late)
		return claimed, err
	}}
}

// generous claims more than it is asked for.
func generous(q executor.Queue) executor.Queue {
	return mixed{Queue: q, claim: func(ctx context.Context, s store.Session, _ int) (store.Claimed, error) {
		return s.Claim(ctx, 2*maxPrefetch)
	}}
}

// slowAnswer claims at once and answers after delay, or never if its context ends.
type slowAnswer struct {
	*memory
	delay atomic.Int64
}

func (q *slowAnswer) claim(ctx context.Context, s store.Session, n int) (store.Claimed, error) {
	claimed, err := s.Claim(ctx, n)
	select {
	case <-time.After(time.Duration(q.delay.Load())):
		return claimed, err
	case <-ctx.Done():
		return store.Claimed{}, ctx.Err()
	}
}

// forgetful loses the answer of every claim that finds jobs with the tag lost.
type forgetful struct {
	*memory
	lost  atomic.Int64
	takes time.Duration
}

func (q *forgetful) claim(ctx context.Context, s store.Session, n int) (store.Claimed, error) {
	claimed, err := s.Claim(ctx, n)
	if q.takes > 0 {
		<-time.After(q.takes)
	}
	for _, j := range claimed.Jobs {
		if j.Tag == "lost" && j.Attempt == 1 {
			q.lost.Add(int64(len(claimed.Jobs)))
			return store.Claimed{}, errors.New("connection reset by peer")
		}
	}
	return claimed, err
}

func (q *forgetful) claimSuspect(ctx context.Context, s store.Session) ([]store.Job, error) {
	jobs, err := s.ClaimSuspect(ctx)
	if len(jobs) > 0 && jobs[0].Attempt == 1 {
		q.lost.Add(1)
		return nil, errors.New("connection reset by peer")
	}
	return jobs, err
}

// unheard is a database whose heartbeats fail or hang, while all else works.
type unheard struct{ fail, hang atomic.Bool }

func (d *unheard) heartbeat(ctx context.Context, s store.Session) (bool, error) {
	if !d.fail.Load() {
		return s.Heartbeat(ctx)
	}
	if d.hang.Load() {
		<-ctx.Done()
		return false, ctx.Err()
	}
	return false, errAway
}

// away is a database that can be out of reach: calls fail at once, or hang
// until their context ends.
type away struct {
	*memory
	down  atomic.Bool
	hangs atomic.Bool
}

var errAway = errors.New("connection refused")

func (q *away) reach(ctx context.Context) error {
	if !q.down.Load() {
		return nil
	}
	if q.hangs.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return errAway
}

func (q *away) Register(ctx context.Context, e store.Executor) (store.Session, error) {
	if err := q.reach(ctx); err != nil {
		return nil, err
	}
	return q.memory.Register(ctx, e)
}

func (q *away) Record(ctx context.Context, results []store.Result) ([]store.Fate, error) {
	if err := q.reach(ctx); err != nil {
		return nil, err
	}
	return q.memory.Record(ctx, results)
}

func (q *away) Reap(ctx context.Context, contact time.Duration) (store.Reaped, error) {
	if err := q.reach(ctx); err != nil {
		return store.Reaped{}, err
	}
	return q.memory.Reap(ctx, contact)
}

// queue returns q with sessions that cannot reach it either.
func (q *away) queue() executor.Queue {
	return mixed{
		Queue: q,
		claim: func(ctx context.Context, s store.Session, n int) (store.Claimed, error) {
			if err := q.reach(ctx); err != nil {
				return store.Claimed{}, err
			}
			return s.Claim(ctx, n)
		},
		heartbeat: func(ctx context.Context, s store.Session) (bool, error) {
			if err := q.reach(ctx); err != nil {
				return false, err
			}
			return s.Heartbeat(ctx)
		},
		running: func(ctx context.Context, s store.Session) ([]store.Running, error) {
			if err := q.reach(ctx); err != nil {
				return nil, err
			}
			return s.Running(ctx)
		},
		stop: func(ctx context.Context, s store.Session) error {
			if err := q.reach(ctx); err != nil {
				return err
			}
			return s.Stop(ctx)
		},
	}
}

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

func (q *recorder) Record(ctx context.Context, results []store.Result) ([]store.Fate, error) {
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
	return q.memory.Record(ctx, results)
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
