package executor

import (
	"context"
	"sync"
	"time"
)

const (
	// emptyPause is the least time between claims that find nothing.
	emptyPause = 10 * time.Millisecond
	// listenAfter is how many claims in a row find nothing before the claimer
	// listens. A stream of jobs then finds it polling: a notification takes a lock
	// of the whole database when the producer commits.
	listenAfter = 2
	// streamPause is less than the time between jobs that are announced one by one. When
	// they come faster they are a stream.
	streamPause = 10 * time.Millisecond
)

// idle is what the claimer does while it finds nothing to claim: first it polls,
// then it also listens for new jobs. It never stops polling, because nobody
// announces jobs that become due, and a notification may be lost.
type idle struct {
	empty    int       // claims in a row that found nothing
	byResult bool      // the last claim was made because a result was stored
	blocked  bool      // the last claim saw jobs that a stored result may let run
	listen   *listen   // nil: it does not listen
	told     bool      // it listens, and new jobs are announced
	notified bool      // the next claim follows a notification
	wokenAt  time.Time // when such a claim brought jobs last

	listens sync.WaitGroup
	last    <-chan struct{} // closed when the listen that began last has ended
	outage  outage          // only the present listen uses it
}

// listen is one call of Listen.
type listen struct {
	listening chan struct{} // flag: new jobs are announced from now on; another claim finds what came before that
	notified  chan struct{} // flag: there are new jobs since the last claim
	ended     chan struct{} // closed
	end       context.CancelFunc
}

// await waits after a claim beyond which nothing can run: for the next poll, for
// new jobs, or until a result is stored, which may have freed a mutex key or
// slots of a pool. If a claim for that reason found nothing, more results lead
// to another claim after emptyPause only. While new jobs are announced, none does
// unless something waits for it.
func (c *claimer) await(claimed int) {
	i := &c.idle
	poll := time.NewTimer(jitter(c.config.PollInterval))
	defer poll.Stop()
	pause := time.NewTimer(min(emptyPause, c.config.PollInterval))
	defer pause.Stop()
	stored := c.stored
	if claimed == 0 && i.byResult || i.told && !i.blocked {
		stored = nil
	}
	i.byResult = false
	for {
		var l listen
		if i.listen != nil {
			l = *i.listen
		}
		select {
		case <-c.stop.Done():
		case <-poll.C:
		case <-stored:
			i.byResult = true
		case <-l.listening:
			i.told = true
		case <-l.notified:
			i.notified = true
		case <-l.ended:
			i.listen, i.told = nil, false
			continue
		case <-pause.C:
			if i.listen == nil && i.empty >= listenAfter {
				i.listen = c.startListening()
			}
			if i.listen != nil {
				if !i.told || i.blocked {
					stored = c.stored
				}
				continue
			}
		}
		return
	}
}

// claimed notes how many jobs a claim brought. It goes on listening if a notification
// brought them and the one before was not just now: LISTEN again would cost more than
// the claim. Else it stops, also if the jobs were another executor's: those would wake
// us again and again. It stops after the claim, because UNLISTEN would delay the job.
func (i *idle) claimed(n int) {
	switch now := time.Now(); {
	case n == 0 && !i.notified:
		i.empty++
	case n > 0 && i.notified && i.listen != nil && now.Sub(i.wokenAt) >= streamPause:
		i.notified, i.wokenAt = false, now
	default:
		i.reset()
	}
}

// reset begins anew, without listening.
func (i *idle) reset() {
	i.empty, i.told, i.notified = 0, false, false
	if i.listen != nil {
		i.listen.end()
		i.listen = nil
	}
}

// startListening listens in a goroutine of its own. The session allows one
// Listen at a time, so this one begins when the one before has ended.
func (c *claimer) startListening() *listen {
	ctx, end := context.WithCancel(c.stop)
	l := &listen{listening: make(chan struct{}, 1), notified: make(chan struct{}, 1), ended: make(chan struct{}), end: end}
	before, i := c.idle.last, &c.idle
	i.last = l.ended
	i.listens.Go(func() {
		defer close(l.ended)
		defer end()
		if before != nil {
			<-before
		}
		err := c.session.Load().Listen(ctx, func() { raise(l.listening) }, func() { raise(l.notified) })
		if err != nil {
			sleep(ctx, i.outage.again(err))
		} else {
			i.outage.over()
		}
	})
	return l
}
