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

// memory is a Queue without a database, with the fence, pools, mutex keys,
// retries, leases and attempt rows of the real one; TestQueue holds it against
// that. Faults are made by embedding it, and by mixed.
type memory struct {
	mu       sync.Mutex
	rows     map[int64]*row
	pending  []int64 // ids in the order of claims
	last     int64
	sessions []*member // executors as they registered
	attempts []stored
	claims   []asked        // every Claim
	records  []int          // length of every Record
	count    map[string]int // rows by state
	limits   map[string]int // slots of limited pools
	used     map[string]int // slots that run, by pool
	keys     map[string]int // running jobs, by mutex key
	seen     map[*member]seen
	listens  []time.Time // when each Listen began
	notify   func()      // calls notified of who listens now
}

type row struct {
	store.Job
	state    string
	cancel   bool
	watched  bool
	live     string // what its present attempt has shown
	finished time.Time
	result   store.Result
	since    time.Time // since when no executor could run it
}

type stored struct {
	store.Result
	at time.Time
}

// seen is a sign of life, and when a reap saw it first.
type seen struct{ beat, since time.Time }

type asked struct {
	at      time.Time
	n, got  int
	session *member
}

func newMemory() *memory {
	return &memory{rows: map[int64]*row{}, seen: map[*member]seen{}, count: map[string]int{}, limits: map[string]int{}, used: map[string]int{}, keys: map[string]int{}}
}

// add inserts n jobs like j and returns the id of the first.
func (m *memory) add(n int, j store.Job) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	first := m.last + 1
	for range n {
		m.last++
		r := &row{Job: j}
		r.ID, r.Kind, r.Slots, r.MaxAttempts = m.last, cmp.Or(r.Kind, "test"), max(r.Slots, 1), cmp.Or(r.MaxAttempts, 3)
		if r.RunAt.IsZero() {
			r.RunAt = time.Now()
		}
		m.rows[r.ID] = r
		m.turn(r, "pending")
		m.enqueue(r)
	}
	return first
}

// insert adds a job and notifies who listens.
func (m *memory) insert(j store.Job) int64 {
	id := m.add(1, j)
	m.announce()
	return id
}

// announce notifies who listens.
func (m *memory) announce() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.notify != nil {
		m.notify()
	}
}

func (m *memory) Register(ctx context.Context, e store.Executor) (store.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := &member{memory: m, id: uuid.New(), Executor: e, beat: time.Now()}
	m.sessions = append(m.sessions, s)
	return s, ctx.Err()
}

func (m *memory) Record(ctx context.Context, results []store.Result) ([]store.Fate, error) {
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
			if a.Claim == r.Claim && a.ErrorCode != "lost" { // a reap wrote that
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
	case r.Outcome == store.Interrupted && r.ErrorCode == "unavailable":
		m.pause(w)
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
	if r.Outcome != store.Interrupted {
		w.since = time.Time{}
	}
	m.attempts = append(m.attempts, stored{r, time.Now()})
	return store.Applied
}

// pause does what the record of an unavailable attempt does. m.mu is held.
func (m *memory) pause(w *row) {
	var of *member
	for _, s := range m.sessions {
		if s.id == w.Executor {
			of = s
		}
	}
	switch {
	case m.elsewhere(w, of.id):
		w.since = time.Time{}
	case w.since.IsZero():
		w.since = time.Now()
	}
	if !w.since.IsZero() && time.Since(w.since) >= of.limit(w) {
		m.turn(w, "failed")
		return
	}
	wait := 2 * time.Second
	if !w.since.IsZero() {
		wait = min(time.Minute, max(wait, time.Since(w.since)/2))
	}
	m.release(w, wait)
}

// elsewhere reports whether another live executor may run the row.
func (m *memory) elsewhere(w *row, but uuid.UUID) bool {
	return slices.ContainsFunc(m.sessions, func(s *member) bool {
		return s.id != but && !s.stopped && !s.reaped && time.Since(s.beat) <= s.Lease && slices.Contains(s.Kinds, w.Kind) &&
			(s.Pools == nil || slices.Contains(s.Pools, w.Pool)) && (s.Batch == "" || w.Job.Batch != nil && *w.Job.Batch == s.Batch) && !s.lacks(w)
	})
}

// turn changes the state of a row. m.mu is held.
func (m *memory) turn(w *row, state string) {
	if m.count[w.state]--; m.count[w.state] <= 0 {
		delete(m.count, w.state)
	}
	m.run(w, w.state, -1)
	w.state = state
	m.run(w, w.state, +1)
	m.count[state]++
}

// run counts what a row in that state uses of its pool and its key.
func (m *memory) run(w *row, state string, sign int) {
	if state != "running" {
		return
	}
	m.used[w.Pool] += sign * int(w.Slots)
	if w.MutexKey != nil {
		m.keys[*w.MutexKey] += sign
	}
}

// enqueue puts a pending row where it belongs, most likely at the end.
func (m *memory) enqueue(w *row) {
	i := len(m.pending)
	for i > 0 && before(w, m.rows[m.pending[i-1]]) {
		i--
	}
	m.pending = slices.Insert(m.pending, i, w.ID)
}

// before is the order of claims.
func before(a, b *row) bool {
	return b != nil && cmp.Or(cmp.Compare(b.Priority, a.Priority), a.RunAt.Compare(b.RunAt), cmp.Compare(a.ID, b.ID)) < 0
}

func (m *memory) release(w *row, delay time.Duration) {
	m.turn(w, "pending")
	w.RunAt = time.Now().Add(delay)
	m.enqueue(w)
}

func (m *memory) Reap(ctx context.Context, contact time.Duration) (reaped store.Reaped, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sessions {
		last, known := m.seen[s]
		if !known || !last.beat.Equal(s.beat) {
			m.seen[s] = seen{s.beat, time.Now()}
			continue
		}
		if !s.stopped && !s.reaped && min(time.Since(last.since), contact) >= s.Lease {
			reaped.Executors = append(reaped.Executors, s.id)
			reaped.Jobs += m.takeAway(s)
		}
	}
	return reaped, ctx.Err()
}

func (m *memory) ExpireBatches(ctx context.Context) (store.Expired, error) {
	return store.Expired{}, ctx.Err()
}

func (m *memory) WriteMinutes(ctx context.Context) (bool, error) { return false, ctx.Err() }

func (m *memory) ShowOutput(ctx context.Context, c store.LiveOutput) (more bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.rows[c.ID]
	if r == nil || r.state != "running" || r.Claim != c.Claim {
		return false, ctx.Err()
	}
	if c.From >= int64(len(r.live)) {
		r.live += c.Text
	}
	return true, ctx.Err()
}

func (m *memory) ForgetOutput(ctx context.Context) error { return ctx.Err() }

// takeAway does what a reap of the executor does. m.mu is held.
func (m *memory) takeAway(s *member) (n int) {
	s.reaped = true
	for _, r := range m.rows {
		if r.state != "running" || r.Executor != s.id {
			continue
		}
		n++
		r.Crashes++
		outcome := store.Lost
		switch {
		case r.cancel:
			outcome = store.Cancelled
			m.turn(r, "cancelled")
		case r.Crashes >= 3 || r.Failures+1 >= int32(r.MaxAttempts):
			r.Failures++
			m.turn(r, "failed")
		default:
			r.Failures++
			m.release(r, 0)
		}
		m.attempts = append(m.attempts, stored{store.Result{Claim: r.Claim, Outcome: outcome, ErrorCode: "lost"}, time.Now()})
	}
	return n
}

// What the tests ask and do.

func (m *memory) do(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

// reapNow takes the jobs of the executor that registered last away.
func (m *memory) reapNow() (s *member) {
	m.do(func() {
		s = m.sessions[len(m.sessions)-1]
		m.takeAway(s)
	})
	return s
}

func (m *memory) states() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.count)
}

// outcomes counts the attempt rows by outcome.
func (m *memory) outcomes() map[store.Outcome]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	outcomes := map[store.Outcome]int{}
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
