package executor_test

import (
	"cmp"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tagexec/tagexec/store"
)

// member is a session of memory. What it holds is guarded by memory.mu.
type member struct {
	*memory
	store.Executor
	id              uuid.UUID
	beat            time.Time
	beats           []time.Time
	stopped, reaped bool
	drained         bool // it was asked to end
	avoids          []store.Unavailable
}

func (s *member) ID() string { return s.id.String() }

func (s *member) Claim(ctx context.Context, n int) (store.Claimed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return store.Claimed{}, ctx.Err()
	}
	var (
		claimed store.Claimed
		kept    []int64
	)
	for i, id := range s.pending {
		if len(claimed.Jobs) == n {
			kept = append(kept, s.pending[i:]...)
			claimed.More = true
			break
		}
		switch r := s.rows[id]; {
		case r == nil || r.state != "pending":
		case r.Crashes < 2 && s.mayRun(r):
			claimed.Jobs = append(claimed.Jobs, s.take(r))
		default:
			kept = append(kept, id)
		}
	}
	s.pending = kept
	claimed.Suspects, claimed.Blocked = s.suspect() >= 0, len(kept) > 0
	s.claims = append(s.claims, asked{at: time.Now(), n: n, got: len(claimed.Jobs), session: s})
	return claimed, nil
}

// mayRun reports whether the executor may claim a pending row now.
func (s *member) mayRun(r *row) bool {
	slots, limited := s.limits[r.Pool]
	return !r.RunAt.After(time.Now()) && slices.Contains(s.Kinds, r.Kind) && !s.lacks(r) &&
		(s.Pools == nil || slices.Contains(s.Pools, r.Pool)) &&
		(s.Batch == "" || r.Job.Batch != nil && *r.Job.Batch == s.Batch) &&
		(!limited || s.used[r.Pool]+int(r.Slots) <= slots) &&
		(r.MutexKey == nil || s.keys[*r.MutexKey] == 0)
}

// lacks reports whether the row needs what the executor cannot use.
func (s *member) lacks(r *row) bool {
	return slices.ContainsFunc(s.avoids, func(u store.Unavailable) bool { return u.NeededBy(&r.Job) })
}

func (s *member) Avoid(list []store.Unavailable) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.avoids = list
}

func (s *member) GiveUp(ctx context.Context) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rows {
		if r.state != "pending" || r.RunAt.After(time.Now()) || !s.lacks(r) || s.elsewhere(r, s.id) {
			continue
		}
		since := r.RunAt
		if !r.since.IsZero() {
			since = r.since
		}
		for _, m := range s.sessions {
			for _, u := range m.avoids {
				if u.NeededBy(&r.Job) && u.Since.After(since) {
					since = u.Since
				}
			}
		}
		if time.Since(since) >= s.limit(r) {
			s.turn(r, "failed")
			n++
		}
	}
	return n, ctx.Err()
}

// limit is how long an attempt of the row may last.
func (s *member) limit(r *row) time.Duration {
	if r.TimeoutSeconds != nil {
		return time.Duration(*r.TimeoutSeconds) * time.Second
	}
	return cmp.Or(s.JobTimeout, store.DefaultJobTimeout)
}

// take turns a row over to the executor.
func (s *member) take(r *row) store.Job {
	s.turn(r, "running")
	r.Executor, r.finished, r.live = s.id, time.Time{}, ""
	r.Attempt++
	return r.Job
}

// suspect returns where the first suspect is in pending, or -1.
func (s *member) suspect() int {
	return slices.IndexFunc(s.pending, func(id int64) bool {
		r := s.rows[id]
		return r != nil && r.state == "pending" && r.Crashes >= 2 && s.mayRun(r)
	})
}

func (s *member) ClaimSuspect(ctx context.Context) ([]store.Job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.suspect()
	if i < 0 || ctx.Err() != nil {
		return nil, ctx.Err()
	}
	r := s.rows[s.pending[i]]
	s.pending = slices.Delete(s.pending, i, i+1)
	return []store.Job{s.take(r)}, nil
}

func (s *member) Listen(ctx context.Context, listening, notified func()) error {
	s.mu.Lock()
	s.listens = append(s.listens, time.Now())
	s.notify = notified
	s.mu.Unlock()
	listening()
	<-ctx.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notify = nil
	return nil
}

func (s *member) Heartbeat(ctx context.Context) (drain bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reaped {
		return false, store.ErrReaped
	}
	s.beat = time.Now()
	s.beats = append(s.beats, s.beat)
	return s.drained, ctx.Err()
}

func (s *member) Running(ctx context.Context) ([]store.Running, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []store.Running
	for _, r := range s.rows {
		if r.state == "running" && r.Executor == s.id {
			list = append(list, store.Running{Claim: r.Claim, Cancel: r.cancel, Watched: r.watched})
		}
	}
	return list, ctx.Err()
}

func (s *member) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	return ctx.Err()
}

// register registers another executor, with a lease of 30 s.
func (m *memory) register(t *testing.T) *member {
	t.Helper()
	s, err := m.Register(t.Context(), store.Executor{Kinds: []string{"test"}, Lease: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*member)
}

// gone reports whether the executor was reaped.
func (m *memory) gone(s *member) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return s.reaped
}

var _ store.Session = (*member)(nil)
