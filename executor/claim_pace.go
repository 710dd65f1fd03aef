package executor

import (
	"math"
	"time"
)

const (
	paceMemory = 50 * time.Millisecond // what happened longer ago hardly counts
	aheadWait  = time.Second           // for a worker to take jobs claimed ahead; they are handed back if it takes longer
)

// pace measures how long a claim takes and how fast the workers finish jobs.
// The averages are moving ones.
type pace struct {
	claim float64 // seconds per claim
	rate  float64 // jobs finished per second
	run   float64 // seconds per job

	at       time.Time     // of the last measurement
	finished int64         // jobs finished by then
	busy     time.Duration // how long they ran, together

	checked         time.Time // when overdue last compared
	checkedFinished int64     // jobs finished by then
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

// ahead returns how many jobs to claim ahead of free workers: four times what
// the workers finish while a claim is under way. A claim begins when half of the
// jobs ahead are used up, so meanwhile the workers finish no more than the other
// half: with a factor of 2 the claims would stop growing while the workers wait
// for them. The rate counts, because one fast worker among slow ones does not
// make them fast. The length of a run counts too, because long jobs may end at
// the same moment.
func (p *pace) ahead(workers int) int {
	rate := p.rate
	if p.run > 0 {
		rate = min(rate, float64(workers)/p.run)
	}
	return int(min(maxPrefetch, 4*rate*p.claim))
}

// overdue reports, about once a second, whether more jobs are queued than the
// workers finished since the last time.
func (p *pace) overdue(queued int, finished int64, now time.Time) bool {
	wait := max(aheadWait, time.Duration(8*p.claim*float64(time.Second)))
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
