package executor

import (
	"math"
	"time"
)

const (
	paceMemory = 50 * time.Millisecond // what happened longer ago hardly counts
	patience   = time.Second           // for jobs claimed ahead; they are handed back if it takes longer
)

// pace measures how long a claim takes and how fast the workers take jobs. It
// counts what the workers did, not how long each job ran: one fast worker
// among slow ones does not make the others fast. Only the claimer uses it.
type pace struct {
	claim float64   // seconds, a moving average
	rate  float64   // jobs per second, a moving average
	taken int64     // jobs taken by the workers
	at    time.Time // when that was

	checked      time.Time // when the queue was last looked at, and
	checkedTaken int64     // how many jobs had been taken by then
}

// claimed notes a claim that got all it asked for.
func (p *pace) claimed(took time.Duration) {
	if p.claim == 0 {
		p.claim = took.Seconds()
	}
	p.claim += 0.2 * (took.Seconds() - p.claim)
}

// took notes how many jobs the workers have taken so far.
func (p *pace) took(taken int64, now time.Time) {
	passed := now.Sub(p.at)
	if passed <= 0 {
		return
	}
	weight := 1 - math.Exp(-passed.Seconds()/paceMemory.Seconds())
	p.rate += weight * (float64(taken-p.taken)/passed.Seconds() - p.rate)
	p.taken, p.at = taken, now
}

// ahead returns how many jobs to claim ahead of free workers: twice what they
// take while a claim is under way, so that it grows while they wait for claims.
func (p *pace) ahead() int {
	return int(min(maxPrefetch, 2*p.rate*p.claim))
}

// overdue tells, about once a second, whether more jobs are queued than the
// workers took since it was last asked.
func (p *pace) overdue(queued int, taken int64, now time.Time) bool {
	wait := max(patience, time.Duration(4*p.claim*float64(time.Second)))
	if queued == 0 || p.checked.IsZero() {
		p.checked, p.checkedTaken = now, taken
		return false
	}
	if now.Sub(p.checked) < wait {
		return false
	}
	moved := taken - p.checkedTaken
	p.checked, p.checkedTaken = now, taken
	return int64(queued) > moved
}
