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
)

// recorder is the state of record.
type recorder struct {
	*Pool
	underWay int            // flushes
	answers  chan answer    // theirs
	later    []store.Result // tried again at due, and in nobody's way
	due      <-chan time.Time
	trouble  outage
	retry    <-chan time.Time // after a failure nothing is sent before this; nil: it may
	ending   bool
}

// answer is what the database said to one batch.
type answer struct {
	batch []store.Result
	fates []store.Fate
	err   error
}

// record stores results until all of them are settled after finish was
// closed, or engine ends. While one flush is under way the next batch gathers:
// no timer, so latency is low when idle and batches are large under load. When
// many results wait a second flush begins beside it: recording costs the
// database more than claiming, so one at a time would hold up the claims.
func (p *Pool) record(engine context.Context, finish <-chan struct{}) {
	r := recorder{Pool: p, answers: make(chan answer, maxFlushes), trouble: outage{log: p.Log, what: "record"}}
	var flushes sync.WaitGroup
	defer flushes.Wait()
	for engine.Err() == nil {
		for {
			batch := p.results.take(r.enough())
			if batch == nil {
				break
			}
			r.underWay++
			flushes.Go(func() {
				fates, err := p.Queue.Record(engine, p.hostname, batch)
				r.answers <- answer{batch, fates, err}
			})
		}
		if r.ending && r.underWay == 0 && r.retry == nil && len(r.later) == 0 {
			return
		}
		select {
		case <-p.results.ready:
		case a := <-r.answers:
			r.settle(a)
		case <-r.due:
			p.results.put(r.later...)
			r.later, r.due = nil, nil
		case <-r.retry:
			r.retry = nil
		case <-finish: // the last moment: try again at once
			finish, r.ending = nil, true
			r.retry, r.trouble.failed = nil, 0
		case <-engine.Done():
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
	case r.trouble.failed > 0:
		return math.MaxInt
	}
	return recordBatch / 2
}

// settle acts on an answer: results whose fate is unknown are tried again.
func (r *recorder) settle(a answer) {
	r.underWay--
	var unknown, refused, missing []store.Result
	for i, result := range a.batch {
		var fate store.Fate
		if i < len(a.fates) {
			fate = a.fates[i]
		}
		switch {
		case fate == "" && a.err != nil:
			unknown = append(unknown, result)
		case fate == "" || fate == store.Locked:
			r.later = append(r.later, result)
			if r.due == nil {
				r.due = time.After(lockedWait)
			}
		default:
			r.forget(result, fate)
		}
		switch fate {
		case store.Refused:
			refused = append(refused, result)
		case store.Missing:
			missing = append(missing, result)
		}
	}
	r.results.putBack(unknown)
	r.warn("late results were refused: the claims are no longer ours", refused)
	r.warn("the jobs of results do not exist any more", missing)
	raise(r.stored)
	switch {
	case a.err != nil:
		r.retry = time.After(r.trouble.again(a.err))
	case r.retry == nil:
		r.trouble.over()
	}
}

// forget lets go of a result that the database has taken or refused.
func (p *Pool) forget(r store.Result, fate store.Fate) {
	if a := p.held.remove(r.Claim); a != nil {
		p.unstored.Add(-a.weight)
	}
	p.stats.settled(r, fate)
}

// warn logs one line for results that could not be stored.
func (p *Pool) warn(message string, results []store.Result) {
	if len(results) > 0 {
		r := results[0]
		p.Log.Warn(message, "results", len(results), "first_job", r.ID, "attempt", r.Attempt, "outcome", r.Outcome)
	}
}
