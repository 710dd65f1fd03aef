package executor

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/tagexec/tagexec/store"
)

const (
	maxFlushes = 2                      // at the same time
	lockedWait = 100 * time.Millisecond // for a result whose row another session holds

	unwrittenWait = time.Minute // for one whose row Postgres refuses to change
)

// recorder stores results. While one flush is under way the next batch gathers:
// no timer, so latency is low when idle and batches are large under load. When
// many results wait a second flush begins beside it: recording costs the
// database more than claiming, so one at a time would hold up the claims.
// It is one goroutine, and one more for each flush.
type recorder struct {
	*Pool
	finish    chan struct{} // closed when no more results come: run ends when all are settled
	underWay  int           // flushes
	settled   []Ended       // by the answer at hand; used again by the next
	answers   chan answer   // theirs
	later     delayed       // rows that another session holds
	unwritten delayed       // rows that Postgres refuses to change
	outage    outage
	retry     <-chan time.Time // after a failure nothing is sent before this; nil: it may
	ending    bool
}

// delayed are results that are tried again at due, and are in nobody's way.
type delayed struct {
	results []store.Result
	due     <-chan time.Time
}

func (d *delayed) add(r *store.Result, wait time.Duration) {
	d.results = append(d.results, *r)
	if d.due == nil {
		d.due = time.After(wait)
	}
}

// take removes all of them.
func (d *delayed) take() []store.Result {
	results := d.results
	*d = delayed{}
	return results
}

// answer is what the database said to one batch.
type answer struct {
	batch []store.Result
	fates []store.Fate
	err   error
}

func newRecorder(p *Pool) *recorder {
	return &recorder{
		Pool:    p,
		finish:  make(chan struct{}),
		answers: make(chan answer, maxFlushes),
		outage:  p.outage("record"),
	}
}

// run stores results until all of them are settled after finish was closed, or
// ctx ends.
func (r *recorder) run(ctx context.Context) {
	var flushes sync.WaitGroup
	defer flushes.Wait()
	finish := r.finish
	for ctx.Err() == nil {
		for {
			batch := r.results.take(r.enough())
			if batch == nil {
				break
			}
			r.underWay++
			flushes.Go(func() {
				began := time.Now()
				fates, err := r.queue.Record(ctx, batch)
				r.config.Observer.Recorded(len(batch), time.Since(began), err)
				r.answers <- answer{batch, fates, err}
			})
		}
		if r.ending && r.underWay == 0 && r.retry == nil && len(r.later.results) == 0 {
			return
		}
		select {
		case <-r.results.ready:
		case a := <-r.answers:
			r.settle(a)
		case <-r.later.due:
			r.results.putBack(r.later.take())
		case <-r.unwritten.due:
			r.results.putBack(r.unwritten.take())
		case <-r.retry:
			r.retry = nil
		case <-finish: // the last moment: try again at once
			finish, r.ending = nil, true
			r.results.putBack(r.unwritten.take())
			r.retry, r.outage.failed = nil, 0
		case <-ctx.Done():
		}
	}
}

// enough returns how many results must wait for another flush to begin.
func (r *recorder) enough() int {
	switch {
	case r.underWay == maxFlushes || r.retry != nil:
		return math.MaxInt
	case r.underWay == 0 || r.ending:
		return 1
	case r.outage.failed > 0:
		return math.MaxInt
	}
	return recordBatch / 2
}

// settle acts on an answer: results whose fate is unknown are tried again.
func (r *recorder) settle(a answer) {
	r.underWay--
	r.settled = r.settled[:0]
	var unknown, refused, missing, unwritten []store.Result
	for i := range a.batch {
		result, fate := &a.batch[i], store.Fate("")
		if i < len(a.fates) {
			fate = a.fates[i]
		}
		switch {
		case fate == "" && a.err != nil:
			unknown = append(unknown, *result)
		case fate == "" || fate == store.Locked:
			r.later.add(result, lockedWait)
		case fate == store.Unwritten:
			r.unwritten.add(result, unwrittenWait)
			unwritten = append(unwritten, *result)
		default:
			r.forget(result, fate)
		}
		switch fate {
		case store.Refused:
			refused = append(refused, *result)
		case store.Missing:
			missing = append(missing, *result)
		}
	}
	r.stats.settled(r.settled)
	r.config.Observer.Ended(r.settled)
	clear(r.settled) // of their jobs
	r.results.putBack(unknown)
	r.warn("late results were refused: the claims are no longer ours", refused)
	r.warn("the jobs of results do not exist any more", missing)
	r.warn("Postgres refuses to change the rows of jobs: their results are kept and tried again every minute", unwritten)
	raise(r.stored)
	switch {
	case a.err != nil:
		r.retry = time.After(r.outage.again(a.err))
	case r.retry == nil:
		r.outage.over()
	}
}

// forget lets go of a result that the database has taken or refused.
func (r *recorder) forget(result *store.Result, fate store.Fate) {
	a := r.held.remove(result.Claim)
	if a != nil {
		r.unstored.Add(-a.weight)
		if trace := a.trace.Load(); trace != nil {
			(*trace).Recorded(fate)
		}
	}
	r.settled = append(r.settled, endedAs(a, result, fate))
}

// warn logs one line for results that could not be stored.
func (r *recorder) warn(message string, results []store.Result) {
	if len(results) > 0 {
		first := results[0]
		r.config.Log.Warn(message, "results", len(results), "first_job", first.ID, "attempt", first.Attempt, "outcome", first.Outcome)
	}
}
