package executor

import (
	"context"
	"errors"
	"time"

	"github.com/tagexec/tagexec/store"
)

// cancelInterval is the most time between two looks for jobs that were asked to stop.
const cancelInterval = 2 * time.Second

// errUnanswered is why a job is handed back that nobody here knew of.
var errUnanswered = errors.New("the database's answer to the claim was lost")

// readback compares what is held here with what the database says, reaps dead
// executors, ends batches that are over, and sums up history. It is one goroutine.
type readback struct {
	*Pool
	live   *live
	strays strays
	outage outage

	showing    bool      // something was watched in the last round
	gaveUp     time.Time // when giveUp ended last
	giveUpTook time.Duration
	summedUp   time.Time // when sumUp began last
	sumFailed  bool      // it did not succeed then
}

func newReadback(p *Pool, l *live) *readback {
	return &readback{Pool: p, live: l, outage: p.outage("read back")}
}

// run reads back every few seconds until ctx ends. A dead executor is seen in
// the first round after its last sign of life, and reaped in the first round after
// its lease: together they take one heartbeat at most.
func (r *readback) run(ctx context.Context) {
	for {
		sleep(ctx, min(cancelInterval, r.config.Heartbeat/2))
		err := r.compare(ctx)
		if err == nil {
			err = errors.Join(r.reap(ctx), r.giveUp(ctx))
		}
		if err == nil {
			err = r.expire(ctx)
		}
		if err == nil {
			r.sumUp(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			sleep(ctx, r.outage.again(err))
		default:
			r.outage.over()
		}
	}
}

// compare stops jobs that were cancelled or taken away, hands back jobs whose
// claim's answer was lost, and says which are watched.
func (r *readback) compare(ctx context.Context) error {
	// The order matters: a claim that ended before the first look at what is held
	// has left its jobs there, and a claim seen in the list had begun by the end of it.
	ended := r.claimsEnded.Load()
	before := r.held.snapshot()
	s := r.session.Load()
	list, err := s.Running(ctx)
	if err != nil {
		return err
	}
	begun := r.claimsBegun.Load()
	after := r.held.snapshot()

	listed := make(map[store.Claim]bool, len(list))
	var unknown []store.Claim
	var watched []*attempt
	for _, running := range list {
		listed[running.Claim] = true
		a := after[running.Claim]
		if a != nil && running.Watched {
			watched = append(watched, a)
		}
		switch {
		case a != nil && running.Cancel:
			r.stop(a, ErrCancelled)
		case a == nil && before[running.Claim] == nil:
			unknown = append(unknown, running.Claim)
		}
	}
	if len(watched) > 0 || r.showing {
		r.live.watch(watched)
		r.showing = len(watched) > 0
	}
	for c := range before {
		if a := after[c]; a != nil && a.session == s && !listed[c] {
			r.stop(a, ErrLost) // or it is being recorded just now; then this changes nothing
		}
	}
	for _, c := range r.strays.seen(unknown, ended, begun) {
		r.config.Log.Warn("handing back a job whose claim was not answered", "job", c.ID, "attempt", c.Attempt)
		a := &attempt{job: store.Job{Claim: c}, session: s, cancel: func(error) {}}
		r.held.add(a)
		r.handBack(a, errUnanswered, 0)
	}
	return nil
}

// strays remembers running jobs that nobody here holds: either a claim is
// under way, or its answer was lost.
type strays struct {
	claims map[store.Claim]bool
	begun  int64 // claims that had begun when they were seen
}

// seen notes the claims that are unknown now, and returns those that were
// unknown before although every claim that had begun by then has ended since.
func (s *strays) seen(unknown []store.Claim, ended, begun int64) (again []store.Claim) {
	if ended < s.begun {
		return nil
	}
	claims := map[store.Claim]bool{}
	for _, c := range unknown {
		if s.claims[c] {
			again = append(again, c)
		} else {
			claims[c] = true
		}
	}
	s.claims, s.begun = claims, begun
	return again
}

// reap offers the jobs of dead executors to all.
func (r *readback) reap(ctx context.Context) error {
	// Bounded, so that a statement which was held up (the process was frozen) does
	// not reap on the word of a contact that is no longer unbroken.
	ctx, cancel := context.WithTimeout(ctx, r.config.Lease)
	defer cancel()
	reaped, err := r.queue.Reap(ctx, r.lease.unbroken())
	r.config.warnUnwritable(reaped.Unwritable)
	if err == nil && len(reaped.Executors) > 0 {
		r.config.Observer.Reaped(len(reaped.Executors), reaped.Jobs)
		r.config.Log.Warn("reaped dead executors", "executors", reaped.Executors, "jobs", reaped.Jobs)
	}
	return err
}

// giveUp fails jobs that nobody could run for their time. It may take a twentieth
// of this executor's time, because it reads all that waits for what is unavailable.
func (r *readback) giveUp(ctx context.Context) error {
	if time.Since(r.gaveUp) < 20*r.giveUpTook {
		return nil
	}
	began := time.Now()
	n, err := r.session.Load().GiveUp(ctx)
	r.gaveUp, r.giveUpTook = time.Now(), time.Since(began)
	if err == nil && n > 0 {
		r.config.Log.Warn("failed jobs that no executor could run for their time", "jobs", n)
	}
	return err
}

// expire cancels what is left of batches that are over.
func (r *readback) expire(ctx context.Context) error {
	expired, err := r.queue.ExpireBatches(ctx)
	r.config.warnUnwritable(expired.Unwritable)
	if expired.Batches > 0 {
		r.config.Log.Warn("cancelled what was left of expired batches", "batches", expired.Batches)
	}
	return err
}

// sumUp writes the minutes of history that are over, once a minute; while there are
// more, with each round. Nothing waits for it: if it fails, it is tried a minute later,
// and told if it fails again. While the schema is updated, what it reads may be gone for
// a moment.
func (r *readback) sumUp(ctx context.Context) {
	if !r.summedUp.IsZero() && time.Since(r.summedUp) < time.Minute {
		return
	}
	began := time.Now()
	more, err := r.queue.WriteMinutes(ctx)
	if err != nil && r.sumFailed && ctx.Err() == nil {
		r.config.Log.Warn("history by the minute could not be written", "error", err)
	}
	r.sumFailed = err != nil
	if err != nil || !more {
		r.summedUp = began
	}
}
