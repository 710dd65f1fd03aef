package executor

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tagexec/tagexec/store"
)

// attempt is one claimed job while it is held here: queued, running or
// awaiting its record.
type attempt struct {
	job     store.Job
	session *session // that claimed it
	ctx     context.Context
	cancel  context.CancelCauseFunc
	limit   time.Duration // of its run
	tries   bool          // it tries a resource for the breaker
	ended   atomic.Bool   // its result is decided; whoever sets it sends the result
	weight  int64         // bytes it takes while the result awaits its record
}

// held is the set of attempts held by a Pool. All methods may be called
// concurrently.
type held struct {
	mu     sync.Mutex
	claims map[store.Claim]*attempt
	jobs   map[int64]int // how often a job is held; more than once only while all but one wait to be handed back
	again  map[int64]int // how often a job was claimed once more while it was held
}

// add holds an attempt. It returns 0, or if its job was held already, how often
// it has been claimed since.
func (h *held) add(a *attempt) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.claims[a.job.Claim] = a
	h.jobs[a.job.ID]++
	if h.jobs[a.job.ID] > 1 {
		h.again[a.job.ID]++
	}
	return h.again[a.job.ID]
}

// remove forgets a claim and returns its attempt, nil if it is not held.
func (h *held) remove(c store.Claim) *attempt {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.claims[c]
	if a != nil {
		delete(h.claims, c)
		h.release(c.ID)
	}
	return a
}

// pin keeps a job held beyond its record, because its Runner does not return.
func (h *held) pin(job int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.jobs[job]++
}

// unpin ends a pin.
func (h *held) unpin(job int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.release(job)
}

func (h *held) release(job int64) {
	if h.jobs[job]--; h.jobs[job] == 0 {
		delete(h.jobs, job)
		delete(h.again, job)
	}
}

// size returns the number of attempts held.
func (h *held) size() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.claims)
}

// snapshot returns the attempts held now, by their claim.
func (h *held) snapshot() map[store.Claim]*attempt {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.claims)
}
