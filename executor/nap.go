package executor

import (
	"context"
	"time"
)

const (
	// emptyPause is the least time between claims that find nothing.
	emptyPause = 10 * time.Millisecond
	// drowsy is how many claims in a row find nothing before the claimer falls
	// asleep, so that a stream of jobs does not pay for waking it each time.
	drowsy = 2
)

// idle is how the claimer spends its time while it finds nothing to claim:
// first awake, then asleep, when the queue wakes it for new jobs. Either way it
// goes on polling: for jobs that become due, or whose wake-up was lost.
type idle struct {
	empty    int  // claims in a row that found nothing
	byResult bool // the last claim was made because a result was stored
	nap      *nap // nil: awake
	woken    bool // the claim after this ends the nap
}

// nap is one sleep.
type nap struct {
	asleep chan struct{} // flag: the queue will wake it; another claim finds what came before that
	woken  chan struct{} // flag: there are new jobs
	ended  chan struct{} // closed
	end    context.CancelFunc
}

// await waits after a claim that got less than it asked for: for the next poll,
// for new jobs, or until a result is stored, which may have freed a mutex key
// or slots of a pool. If a claim for that reason got nothing, results that come
// thick and fast lead to a claim every emptyPause only.
func (p *Pool) await(ctx context.Context, i *idle, claimed int) {
	i.claimed(claimed)
	poll := time.NewTimer(jitter(p.PollInterval))
	defer poll.Stop()
	pause := time.NewTimer(min(emptyPause, p.PollInterval))
	defer pause.Stop()
	stored := p.stored
	if claimed == 0 && i.byResult {
		stored = nil
	}
	i.byResult = false
	for {
		var n nap
		if i.nap != nil {
			n = *i.nap
		}
		select {
		case <-ctx.Done():
		case <-poll.C:
		case <-stored:
			i.byResult = true
		case <-n.asleep:
		case <-n.woken:
			i.woken = true
		case <-n.ended:
			i.nap = nil
			continue
		case <-pause.C:
			if i.nap == nil && i.empty >= drowsy {
				i.nap = p.fallAsleep(ctx)
			}
			if i.nap != nil {
				stored = p.stored
				continue
			}
		}
		return
	}
}

// claimed notes how many jobs a claim got. A claim that a wake-up led to ends
// the nap whatever it got: not before it, so that the job does not wait for
// that, nor later, lest jobs that are not for us wake us one by one.
func (i *idle) claimed(n int) {
	if n > 0 || i.woken {
		i.wake()
		return
	}
	i.empty++
}

// wake ends the sleep.
func (i *idle) wake() {
	i.empty, i.woken = 0, false
	if i.nap != nil {
		i.nap.end()
		i.nap = nil
	}
}

// fallAsleep begins a nap. The queue gets one at a time: this one begins when the
// one before has ended.
func (p *Pool) fallAsleep(ctx context.Context) *nap {
	ctx, end := context.WithCancel(ctx)
	n := &nap{asleep: make(chan struct{}, 1), woken: make(chan struct{}, 1), ended: make(chan struct{}), end: end}
	before := p.lastNap
	p.lastNap = n.ended
	p.naps.Go(func() {
		defer close(n.ended)
		defer end()
		if before != nil {
			<-before
		}
		err := p.Queue.Nap(ctx, func() { raise(n.asleep) }, func() { raise(n.woken) })
		if err != nil {
			sleep(ctx, p.deaf.again(err))
		} else {
			p.deaf.over()
		}
	})
	return n
}
