package executor_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/store"
)

// memory is a Queue without a database, with the fence, mutex keys, retries,
// leases and attempt rows of the real one. Faults are made by embedding it and
// overriding one method.
type memory struct {
	mu        sync.Mutex
	rows      map[int64]*row
	pending   []int64 // ids in the order they were inserted or released
	last      int64
	executors map[uuid.UUID]*member
	order     []uuid.UUID // executors as they registered
	attempts  []stored
	claims    []asked        // every Claim
	records   []int          // length of every Record
	count     map[string]int // rows by state
	limit     int            // running jobs, as of a limited pool; 0 for none
	naps      []time.Time    // when each Nap began
	sleeper   func()         // wakes who sleeps now
}

type row struct {
	store.Job
	state    string
	cancel   bool
	runAt    time.Time
	finished time.Time
	result   store.Result
}

type member struct {
	lease             time.Duration
	beat              time.Time
	beats             []time.Time
	stopped, reaped   bool
	reapedWithContact time.Duration
}

type stored struct {
	store.Result
	at time.Time
}

type asked struct {
	at        time.Time
	n, got    int
	executor  uuid.UUID
	heldThere int // running under that executor before
}

func newMemory() *memory {
	return &memory{rows: map[int64]*row{}, count: map[string]int{}, executors: map[uuid.UUID]*member{}}
}

// add inserts n jobs like j and returns the id of the first.
func (m *memory) add(n int, j store.Job) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	first := m.last + 1
	for range n {
		m.last++
		r := &row{Job: j, runAt: time.Now()}
		m.turn(r, "pending")
		r.ID, r.Kind = m.last, cmp.Or(r.Kind, "test")
		r.MaxAttempts = cmp.Or(r.MaxAttempts, 3)
		m.rows[r.ID] = r
		m.pending = append(m.pending, r.ID)
	}
	return first
}

// insert adds a job and wakes who sleeps.
func (m *memory) insert(j store.Job) int64 {
	id := m.add(1, j)
	m.announce()
	return id
}

// announce wakes who sleeps.
func (m *memory) announce() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sleeper != nil {
		m.sleeper()
	}
}

func (m *memory) Nap(ctx context.Context, asleep, wake func()) error {
	m.mu.Lock()
	m.naps = append(m.naps, time.Now())
	m.sleeper = sync.OnceFunc(wake)
	m.mu.Unlock()
	asleep()
	<-ctx.Done()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sleeper = nil
	return nil
}

func (m *memory) Register(ctx context.Context, e store.Executor) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.executors[e.ID] = &member{lease: e.Lease, beat: time.Now()}
	m.order = append(m.order, e.ID)
	return ctx.Err()
}

func (m *memory) Claim(ctx context.Context, executor uuid.UUID, n int) ([]store.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	busy, running, ours := map[string]bool{}, 0, 0
	if m.limit > 0 || len(m.pending) < 100 {
		for _, r := range m.rows {
			if r.state == "running" {
				running++
				if r.Executor == executor {
					ours++
				}
				if r.MutexKey != nil {
					busy[*r.MutexKey] = true
				}
			}
		}
	}
	var (
		jobs []store.Job
		kept []int64
		now  = time.Now()
	)
	for i, id := range m.pending {
		if len(jobs) == n {
			kept = append(kept, m.pending[i:]...)
			break
		}
		r := m.rows[id]
		if r == nil || r.state != "pending" {
			continue
		}
		if r.Crashes >= 2 || r.runAt.After(now) || r.MutexKey != nil && busy[*r.MutexKey] || m.limit > 0 && running >= m.limit {
			kept = append(kept, id)
			continue
		}
		if r.MutexKey != nil {
			busy[*r.MutexKey] = true
		}
		running++
		jobs = append(jobs, m.claim(r, executor))
	}
	m.pending = kept
	m.claims = append(m.claims, asked{at: now, n: n, got: len(jobs), executor: executor, heldThere: ours})
	return jobs, nil
}

// claim turns a row over to an executor.
func (m *memory) claim(r *row, executor uuid.UUID) store.Job {
	m.turn(r, "running")
	r.Executor, r.finished = executor, time.Time{}
	r.Attempt++
	return r.Job
}

func (m *memory) Suspects() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.suspect() >= 0
}

// suspect returns where the first suspect is in pending, or -1.
func (m *memory) suspect() int {
	return slices.IndexFunc(m.pending, func(id int64) bool {
		r := m.rows[id]
		return r.state == "pending" && r.Crashes >= 2
	})
}

func (m *memory) ClaimSuspect(ctx context.Context, executor uuid.UUID) ([]store.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.suspect()
	if i < 0 || ctx.Err() != nil {
		return nil, ctx.Err()
	}
	r := m.rows[m.pending[i]]
	m.pending = slices.Delete(m.pending, i, i+1)
	return []store.Job{m.claim(r, executor)}, nil
}

func (m *memory) Record(ctx context.Context, hostname string, results []store.Result) ([]store.Fate, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fates := make([]store.Fate, len(results))
	if ctx.Err() != nil {
		return fates, ctx.Err()
	}
	m.records = append(m.records, len(results))
	for i, r := range results {
		fates[i] = m.recordOne(r)
	}
	return fates, nil
}

func (m *memory) recordOne(r store.Result) store.Fate {
	w := m.rows[r.ID]
	if w == nil {
		return store.Missing
	}
	if w.Claim != r.Claim || w.state != "running" {
		for _, a := range m.attempts {
			if a.Claim == r.Claim && a.Outcome != store.Lost {
				return store.Already
			}
		}
		return store.Refused
	}
	w.result, w.finished = r, time.Now()
	switch {
	case r.Outcome == store.Succeeded:
		m.turn(w, "succeeded")
	case r.Outcome == store.Cancelled || w.cancel:
		r.Outcome = store.Cancelled
		m.turn(w, "cancelled")
	case r.Outcome == store.Interrupted:
		m.release(w, r.Delay)
	default:
		w.Failures++
		if r.Permanent || w.Failures >= int32(w.MaxAttempts) {
			m.turn(w, "failed")
		} else {
			m.release(w, r.Delay)
		}
	}
	m.attempts = append(m.attempts, stored{r, time.Now()})
	return store.Applied
}

// turn changes the state of a row. m.mu is held.
func (m *memory) turn(w *row, state string) {
	if m.count[w.state]--; m.count[w.state] <= 0 {
		delete(m.count, w.state)
	}
	w.state = state
	m.count[state]++
}

func (m *memory) release(w *row, delay time.Duration) {
	m.turn(w, "pending")
	w.runAt = time.Now().Add(delay)
	m.pending = append(m.pending, w.ID)
}

func (m *memory) Heartbeat(ctx context.Context, executor uuid.UUID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.executors[executor]
	if e == nil || e.reaped {
		return store.ErrReaped
	}
	e.beat = time.Now()
	e.beats = append(e.beats, e.beat)
	return ctx.Err()
}

func (m *memory) Running(ctx context.Context, executor uuid.UUID) ([]store.Running, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []store.Running
	for _, r := range m.rows {
		if r.state == "running" && r.Executor == executor {
			list = append(list, store.Running{Claim: r.Claim, Cancel: r.cancel})
		}
	}
	return list, ctx.Err()
}

func (m *memory) Reap(ctx context.Context, contact time.Duration) (reaped store.Reaped, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, e := range m.executors {
		if !e.stopped && !e.reaped && time.Since(e.beat) > e.lease && contact >= e.lease {
			e.reapedWithContact = contact
			reaped.Executors = append(reaped.Executors, id)
			reaped.Jobs += m.takeAway(id)
		}
	}
	return reaped, ctx.Err()
}

// takeAway does what a reap of the executor does. m.mu is held.
func (m *memory) takeAway(id uuid.UUID) (n int) {
	m.executors[id].reaped = true
	for _, r := range m.rows {
		if r.state == "running" && r.Executor == id {
			n++
			r.Failures++
			r.Crashes++
			m.attempts = append(m.attempts, stored{store.Result{Claim: r.Claim, Outcome: store.Lost}, time.Now()})
			m.release(r, 0)
		}
	}
	return n
}

func (m *memory) Stop(ctx context.Context, executor uuid.UUID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.executors[executor]; e != nil {
		e.stopped = true
	}
	return ctx.Err()
}

// What the tests ask and do.

func (m *memory) do(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

// reapNow takes the jobs of the executor that registered last away.
func (m *memory) reapNow() (id uuid.UUID) {
	m.do(func() {
		id = m.order[len(m.order)-1]
		m.takeAway(id)
	})
	return id
}

func (m *memory) states() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.count)
}

// outcomes counts the attempt rows by outcome.
func (m *memory) outcomes() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	outcomes := map[string]int{}
	for _, a := range m.attempts {
		outcomes[a.Outcome]++
	}
	return outcomes
}

// history returns the attempt rows of a job.
func (m *memory) history(id int64) (list []stored) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range m.attempts {
		if a.ID == id {
			list = append(list, a)
		}
	}
	return list
}

func (m *memory) claimed() []asked {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.claims)
}

// check fails the test if the table or the history cannot be: the invariants
// of the queue.
func (m *memory) check(t *testing.T) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := map[string]bool{}
	for _, a := range m.attempts {
		key := fmt.Sprintf("job %d attempt %d", a.ID, a.Attempt)
		if seen[key] {
			t.Errorf("%s has two results", key)
		}
		seen[key] = true
	}
	for _, r := range m.rows {
		ended := 0
		for attempt := int32(1); attempt <= r.Attempt; attempt++ {
			if seen[fmt.Sprintf("job %d attempt %d", r.ID, attempt)] {
				ended++
			}
		}
		if r.state == "running" {
			ended++
		}
		if int32(ended) != r.Attempt {
			t.Errorf("job %d was claimed %d times, but %d attempts are accounted for; it is %s", r.ID, r.Attempt, ended, r.state)
		}
	}
}

var _ executor.Queue = (*memory)(nil)
