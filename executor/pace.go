package executor

import (
	"math"
	"time"
)

const (
	paceMemory = 50 * time.Millisecond // what happened longer ago hardly counts
	patience   = time.Second           // for jobs claimed ahead; they are handed back if it takes longer
)

// pace measures how long a claim takes and how fast the workers finish jobs.
// Only the claimer uses it.
type pace struct {
	claim float64 // seconds, a moving average
	rate  float64 // jobs finished per second, a moving average
	run   float64 // seconds per job, a moving average

	finished int64         // jobs finished
	busy     time.Duration // and how long they ran, together
	at       time.Time     // when that was

	checked         time.Time // when the queue was last looked at, and
	checkedFinished int64     // how many jobs were finished by then
}

// claimed notes a claim that got all it asked for.
func (p *pace) claimed(took time.Duration) {
	if p.claim == 0 {
		p.claim = took.Seconds()
	}
	p.claim += 0.2 * (took.Seconds() - p.claim)
}

// ran notes how many jobs the workers have finished so far, and how long those ran.
func (p *pace) ran(finished int64, busy time.Duration, now time.Time) {
	passed := now.Sub(p.at)
	if passed <= 0 {
		return
	}
	weight := 1 - math.Exp(-passed.Seconds()/paceMemory.Seconds())
	n := float64(finished - p.finished)
	p.rate += weight * (n/passed.Seconds() - p.rate)
	if n > 0 {
		p.run += weight * ((busy-p.busy).Seconds()/n - p.run)
	}
	p.finished, p.busy, p.at = finished, busy, now
}

// ahead returns how many jobs to claim ahead of free workers: a few times what
// they finish while a claim is under way, so that it grows while they wait for
// claims. (At twice as many each claim would be as large as the one before.)
// The rate counts because one fast worker among slow ones does not make them
// fast, the length of a run because long jobs may end at the same moment.
func (p *pace) ahead(workers int) int {
	rate := p.rate
	if p.run > 0 {
		rate = min(rate, float64(workers)/p.run)
	}
	return int(min(maxPrefetch, 4*rate*p.claim))
}

// overdue tells, about once a second, whether more jobs are queued than the
// workers finished since it was last asked.
func (p *pace) overdue(queued int, finished int64, now time.Time) bool {
	wait := max(patience, time.Duration(8*p.claim*float64(time.Second)))
	if queued == 0 || p.checked.IsZero() {
		p.checked, p.checkedFinished = now, finished
		return false
	}
	if now.Sub(p.checked) < wait {
		return false
	}
	moved := finished - p.checkedFinished
	p.checked, p.checkedFinished = now, finished
	return int64(queued) > moved
}
