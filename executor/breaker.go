package executor

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tagexec/tagexec/store"
)

const (
	firstProbe   = time.Second      // after a resource became unavailable; each pause is twice the one before
	slowestProbe = 30 * time.Second // the longest pause
	probeTime    = 10 * time.Second // for one probe; a job that runs for so long has what it needs
	checkTime    = 2 * time.Second  // for the probes before anything is claimed
	trialTime    = time.Second      // to find a job for a trial
	maxDowntimes = 30               // that are remembered: payloads may name any number of resources
)

// breaker keeps jobs away from this executor that need what it cannot use. Else it
// would hand them back faster than healthy executors run them. Each resource is
// probed until it can be used again. All methods may be called concurrently.
type breaker struct {
	runners Runners
	log     *slog.Logger
	avoid   func([]store.Unavailable) // tells the session

	known atomic.Bool // anything is remembered; spares a healthy executor the lock

	mu     sync.Mutex
	down   []*downtime
	ctx    context.Context // of probes; nil: there are none now
	cancel context.CancelFunc
	probes sync.WaitGroup
}

// downtime is one resource that became unavailable. It is remembered until a job
// ran that needs it, so that the pauses grow although probes succeed.
type downtime struct {
	store.Unavailable
	state state
	seen  bool          // a probe has failed since it closed, so that one that succeeds means something
	pause time.Duration // until the next probe
	tried chan error    // of a trial: what its job says about the resource
}

// state is what becomes of the jobs that need a resource.
type state int

const (
	closed  state = iota // they are not claimed
	onTrial              // the next one is claimed, and tries the resource
	inTrial              // that one runs
	open                 // they are claimed
)

// start makes the first probes: of all that runners know their jobs to need. It
// returns when they have ended. Others follow until stop or the end of ctx.
func (b *breaker) start(ctx context.Context) {
	b.mu.Lock()
	b.ctx, b.cancel = context.WithCancel(ctx)
	b.mu.Unlock()
	var checks sync.WaitGroup
	for kind, runner := range b.runners {
		prober, ok := runner.(Prober)
		if !ok {
			continue
		}
		for _, r := range prober.Resources() {
			checks.Go(func() {
				bound, cancel := context.WithTimeout(ctx, checkTime)
				defer cancel()
				if err := prober.Probe(bound, r); err != nil && ctx.Err() == nil {
					b.close(kind, &Unavailable{r, err}, true)
				}
			})
		}
	}
	checks.Wait()
}

// stop ends probing.
func (b *breaker) stop() {
	b.mu.Lock()
	b.cancel()
	b.ctx = nil
	b.mu.Unlock()
	b.probes.Wait()
}

// close notes that nothing could run for want of a resource, as a probe has seen or
// a job.
func (b *breaker) close(kind string, u *Unavailable, seen bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ctx == nil || u.Resource.Name == "" {
		return
	}
	at := slices.IndexFunc(b.down, func(d *downtime) bool { return d.Kind == kind && d.Name == u.Resource.Name })
	if at < 0 {
		if len(b.down) == maxDowntimes {
			return // its jobs wait, each by itself
		}
		at = len(b.down)
		b.down = append(b.down, &downtime{
			Unavailable: store.Unavailable{Kind: kind, Resource: u.Resource},
			state:       open, pause: firstProbe / 2, tried: make(chan error, 1),
		})
		b.known.Store(true)
	}
	d := b.down[at]
	switch d.state {
	case inTrial:
		d.decide(u)
	case open:
		d.state, d.seen, d.Since, d.Error, d.pause = closed, seen, time.Now(), sentence(u), min(2*d.pause, slowestProbe)
		b.log.Warn("unavailable here: jobs that need it are not claimed", "kind", kind, "resource", d.Name, "error", d.Error)
		b.tell()
		ctx := b.ctx
		b.probes.Go(func() { b.probe(ctx, d) })
	}
}

// sentence returns what is shown of an error.
func sentence(err error) string { return cutEnd(storedText(err.Error()), maxError) }

// decide ends a trial.
func (d *downtime) decide(err error) {
	select {
	case d.tried <- err:
	default: // another job has decided it
	}
}

// probe probes a closed resource until it is open or ctx ends.
func (b *breaker) probe(ctx context.Context, d *downtime) {
	for {
		b.mu.Lock()
		pause := d.pause
		b.mu.Unlock()
		sleep(ctx, jitter(pause))
		err := b.try(ctx, d)
		if ctx.Err() != nil {
			return
		}
		b.mu.Lock()
		switch {
		case err == nil:
			d.state = open
			b.log.Info("available again", "kind", d.Kind, "resource", d.Name, "after", time.Since(d.Since).Round(time.Millisecond))
		case errors.Is(err, errUndecided):
			d.state = closed
		default:
			d.state, d.Error, d.pause = closed, sentence(&Unavailable{d.Resource, err}), min(2*d.pause, slowestProbe)
		}
		b.tell()
		b.mu.Unlock()
		if err == nil {
			return
		}
	}
}

// onTrial reports whether a resource waits for a job that tries it. Then jobs are
// claimed one at a time, so that no other needs it.
func (b *breaker) onTrial() bool {
	if !b.known.Load() {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.down, func(d *downtime) bool { return d.state == onTrial })
}

// admit returns nil if a job that was just claimed may be run, else what it needs
// and is unavailable. It reports whether the job tries a resource: then ended must
// be told of it.
func (b *breaker) admit(j *store.Job) (tries bool, err error) {
	if !b.known.Load() {
		return false, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range b.down {
		if d.state != open && d.state != onTrial && d.NeededBy(j) {
			return false, &Unavailable{d.Resource, errors.New(d.Error)}
		}
	}
	for _, d := range b.down {
		if d.state == onTrial && d.NeededBy(j) {
			d.state, tries = inTrial, true
		}
	}
	if tries {
		b.tell()
	}
	return tries, nil
}

// closed returns what a job needs that was closed since it was admitted, or nil.
func (b *breaker) closed(j *store.Job) error {
	if !b.known.Load() {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range b.down {
		if d.state == closed && d.NeededBy(j) {
			return &Unavailable{d.Resource, errors.New(d.Error)}
		}
	}
	return nil
}

// ended notes how an admitted job ended: failure is nil if it succeeded, and cause
// is nil unless its context ended before.
func (b *breaker) ended(j *store.Job, failure *Failure, cause error) {
	if failure == nil && !b.known.Load() {
		return // nearly always
	}
	var unavailable *Unavailable
	if failure != nil && errors.As(failure.uncounted, &unavailable) && cause == nil {
		b.close(j.Kind, unavailable, false)
	}
	if !b.known.Load() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	ran := cause == nil && unavailable == nil
	b.down = slices.DeleteFunc(b.down, func(d *downtime) bool {
		switch {
		case !d.NeededBy(j):
			return false
		case ran && d.state == closed:
			d.pause = firstProbe // it can be used, if not by all
		case ran:
			d.decide(nil)
		default:
			d.decide(errUndecided)
		}
		return ran && d.state == open
	})
	b.known.Store(len(b.down) > 0)
}

// tell tells the session what to avoid. b.mu is held.
func (b *breaker) tell() {
	b.avoid(b.which(func(d *downtime) bool { return d.state == closed || d.state == inTrial }))
}

// list returns what is unavailable.
func (b *breaker) list() []store.Unavailable {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.which(func(d *downtime) bool { return d.state != open })
}

func (b *breaker) which(wanted func(*downtime) bool) (list []store.Unavailable) {
	for _, d := range b.down {
		if wanted(d) {
			list = append(list, d.Unavailable)
		}
	}
	return list
}

// retell tells a new session what to avoid.
func (b *breaker) retell() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tell()
}
