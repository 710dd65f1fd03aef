package executor

import (
	"context"
	"time"

	"github.com/tagexec/tagexec/store"
)

const (
	recordBatch = 1000    // most results in one statement
	recordBytes = 8 << 20 // and about the most bytes: it must be done within the statement's time

	// lockedWait is how long a result waits whose row another session holds.
	lockedWait = 100 * time.Millisecond
)

// record stores results until all of them are settled after finish was
// closed, or engine ends. While one flush is under way the next batch gathers:
// no timer, so latency is low when idle and batches are large under load.
func (p *Pool) record(engine context.Context, finish <-chan struct{}) {
	trouble := outage{log: p.Log, what: "record"}
	var (
		list   []store.Result // in order
		later  []store.Result // tried again at due, and in nobody's way
		due    time.Time
		ending bool
	)
	for engine.Err() == nil {
		if len(later) > 0 && !time.Now().Before(due) {
			list, later = append(list, later...), nil
		}
		list = p.results.take(list)
		if len(list) == 0 {
			if ending && len(later) == 0 {
				return
			}
			var retry <-chan time.Time
			if len(later) > 0 {
				retry = time.After(time.Until(due))
			}
			select {
			case <-p.results.ready:
			case <-retry:
			case <-finish:
				finish, ending = nil, true
			case <-engine.Done():
			}
			continue
		}
		batch := list[:portion(list)]
		fates, err := p.Queue.Record(engine, p.hostname, batch)
		var unknown, refused, missing []store.Result
		for i, r := range batch {
			var fate store.Fate
			if i < len(fates) {
				fate = fates[i]
			}
			switch {
			case fate == "" && err != nil:
				unknown = append(unknown, r)
			case fate == "" || fate == store.Locked:
				if len(later) == 0 {
					due = time.Now().Add(lockedWait)
				}
				later = append(later, r)
			default:
				p.settle(r, fate)
			}
			switch fate {
			case store.Refused:
				refused = append(refused, r)
			case store.Missing:
				missing = append(missing, r)
			}
		}
		p.warn("late results were refused: the claims are no longer ours", refused)
		p.warn("the jobs of results do not exist any more", missing)
		rest := list[len(batch):]
		if len(unknown)+len(rest) > 0 {
			list = append(unknown, rest...)
		} else {
			clear(list)
			list = list[:0]
		}
		raise(p.stored)
		if err == nil {
			trouble.over()
			continue
		}
		timer := time.NewTimer(trouble.again(err))
		select {
		case <-timer.C:
		case <-finish: // the last moment: try again at once
			finish, ending = nil, true
			trouble.failed = 0
		case <-engine.Done():
		}
		timer.Stop()
	}
}

// portion returns how many results to store in one statement, at least one.
func portion(list []store.Result) int {
	n, bytes := 0, int64(0)
	for n < min(len(list), recordBatch) && bytes < recordBytes {
		bytes += weight(list[n])
		n++
	}
	return n
}

// settle forgets a result that the database has taken or refused.
func (p *Pool) settle(r store.Result, fate store.Fate) {
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
