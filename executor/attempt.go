package executor

import (
	"context"
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
	ctx     jobContext
	cancel  context.CancelCauseFunc // of ctx; see stop
	limit   time.Duration           // of its run
	timer   *time.Timer             // that stops it then
	report  Report                  // what its Runner returned
	failure *Failure                // and how it failed; nil: it did not
	tries   bool                    // it tries a resource for the breaker
	runs    atomic.Bool             // its Runner was called, or is about to be
	stopped atomic.Bool             // it was told to stop while it ran
	ended   atomic.Bool             // its result is decided; whoever sets it sends the result
	claimed time.Time               // when the answer to its claim came
	trace   atomic.Pointer[Trace]   // nil: nobody follows it
	ran     time.Duration           // its Runner, if that returned before the result was decided
	weight  int64                   // bytes it takes while the result awaits its record
	shown   *liveText               // once somebody has watched; of live
	next    *attempt                // of the same job; of held
}

// jobContext is the context of a job. It is one context with a timer beside it (see
// workers.run), where two that the library derives one from the other took half of
// what the engine spends on a job.
type jobContext struct {
	context.Context                        // ends with a cause
	deadline        time.Time              // when a timer ends it; set before a Runner sees it
	output          atomic.Pointer[Output] // of the job while its Runner runs; see ShowOutput
}

func (c *jobContext) Deadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

// Err tells the end of the job's time from other ends, as a context of the library does.
func (c *jobContext) Err() error {
	err := c.Context.Err()
	if err != nil && context.Cause(c.Context) == ErrTimeout {
		return context.DeadlineExceeded
	}
	return err
}

// start gives an attempt its context, which has the values of parent.
func (a *attempt) start(parent context.Context) {
	a.ctx.Context, a.cancel = context.WithCancelCause(parent)
}

// stop ends the context of an attempt; the first cause stands. A Runner that does not
// return within the kill grace is left alone.
func (p *Pool) stop(a *attempt, cause error) {
	a.cancel(cause)
	if a.runs.Load() && a.stopped.CompareAndSwap(false, true) {
		time.AfterFunc(killGrace, func() {
			if !a.ended.Load() {
				p.abandon(a, context.Cause(&a.ctx))
			}
		})
	}
}

// held is the set of attempts held by a Pool. All methods may be called
// concurrently.
type held struct {
	mu   sync.Mutex
	jobs map[int64]heldJob
	n    int // attempts
}

// heldJob is a job that is held, by its attempts or by a pin.
type heldJob struct {
	attempts *attempt // a list by next; more than one only while all but one wait to be handed back
	pins     int
	again    int // how often it was claimed once more while it was held
}

// add holds an attempt. It returns 0, or if its job was held already, how often
// it has been claimed since.
func (h *held) add(a *attempt) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	j, holds := h.jobs[a.job.ID]
	if holds {
		j.again++
	}
	a.next, j.attempts = j.attempts, a
	h.jobs[a.job.ID] = j
	h.n++
	return j.again
}

// remove forgets a claim and returns its attempt, nil if it is not held.
func (h *held) remove(c store.Claim) *attempt {
	h.mu.Lock()
	defer h.mu.Unlock()
	j := h.jobs[c.ID]
	for at := &j.attempts; *at != nil; at = &(*at).next {
		if a := *at; a.job.Claim == c {
			*at = a.next
			h.n--
			h.put(c.ID, j)
			return a
		}
	}
	return nil
}

// pin keeps a job held beyond its record, because its Runner does not return.
func (h *held) pin(job int64) { h.addPins(job, 1) }

// unpin ends a pin.
func (h *held) unpin(job int64) { h.addPins(job, -1) }

func (h *held) addPins(job int64, n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	j := h.jobs[job]
	j.pins += n
	h.put(job, j)
}

// put stores a job, or forgets it if nothing holds it. h.mu is held.
func (h *held) put(job int64, j heldJob) {
	if j.attempts == nil && j.pins == 0 {
		delete(h.jobs, job)
		return
	}
	h.jobs[job] = j
}

// size returns the number of attempts held.
func (h *held) size() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.n
}

// snapshot returns the attempts held now, by their claim.
func (h *held) snapshot() map[store.Claim]*attempt {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make(map[store.Claim]*attempt, h.n)
	for _, j := range h.jobs {
		for a := j.attempts; a != nil; a = a.next {
			all[a.job.Claim] = a
		}
	}
	return all
}
