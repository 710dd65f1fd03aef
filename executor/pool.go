package executor

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"sync/atomic"
	"time"

	"github.com/tagexec/tagexec/store"
)

// Runners are the kinds of job that an executor runs: a Runner for each.
type Runners map[string]Runner

// Config says what a Pool runs and how. Runners and Workers are required. Zero
// means the default that stands beside a field.
type Config struct {
	Runners Runners  // the executor claims jobs of these kinds only
	Workers int      // jobs that run at the same time
	Pools   []string // pools it takes jobs from; none for all
	Batch   string   // only jobs of this batch; "" for all
	Version string   // of the program; shown in tag_executors

	PollInterval time.Duration // between claims that find nothing; 250 ms
	Lease        time.Duration // how long the executor counts as alive without a heartbeat; store.DefaultLease
	Heartbeat    time.Duration // between heartbeats, at most half the lease; 5 s
	Grace        time.Duration // for running jobs after the context of Run ended; 0 stops them at once
	JobTimeout   time.Duration // limit of an attempt whose job sets none; store.DefaultJobTimeout

	Log      *slog.Logger // slog.Default()
	Observer Observer     // is told what the Pool does; none
	Tracer   Tracer       // follows single attempts; none
}

const (
	defaultPollInterval = 250 * time.Millisecond
	defaultHeartbeat    = 5 * time.Second
)

// Pool runs the jobs of a queue in a fixed number of goroutines. New makes one,
// Run runs it; its other methods may be called concurrently, at any time.
type Pool struct { // what the roles share; each has a type for what only it needs
	config   Config
	queue    Queue
	hostname string
	started  atomic.Bool
	stopping chan struct{}           // closed when nothing is started any more
	session  atomic.Pointer[session] // another one after this executor was reaped
	lease    lease
	breaker  breaker

	jobs    chan *attempt // claimed, waiting for a worker
	held    held          // claimed, and not recorded yet
	results results       // decided, waiting for the recorder

	freed  chan struct{} // flag: workers are free, a claim has become worthwhile
	wakeAt atomic.Int64  // freed is raised when busy falls to this; -1: the claimer does not wait for it
	stored chan struct{} // flag: results were stored, jobs that waited for them may run

	busy     atomic.Int64 // attempts that wait for a worker or run
	finished atomic.Int64 // attempts that workers are done with
	ranFor   atomic.Int64 // nanoseconds that Runners ran, together
	stuck    atomic.Int64 // workers whose Runner ignores its context
	unstored atomic.Int64 // bytes of results that await their record

	claimsBegun, claimsEnded atomic.Int64

	stats stats
}

// New checks the configuration and returns a Pool that does nothing yet. The
// error says which field is wrong. The Pool keeps a copy of c.
func New(q Queue, c Config) (*Pool, error) {
	switch {
	case q == nil:
		return nil, errors.New("executor: the queue is missing")
	case len(c.Runners) == 0:
		return nil, errors.New("executor: Config.Runners names no kind of job")
	case c.Workers < 1:
		return nil, fmt.Errorf("executor: Config.Workers is %d, need at least 1", c.Workers)
	}
	if min(c.PollInterval, c.Lease, c.Heartbeat, c.Grace, c.JobTimeout) < 0 {
		return nil, errors.New("executor: a duration in Config is negative")
	}
	c.Runners = maps.Clone(c.Runners)
	c.Pools = append([]string(nil), c.Pools...) // nil if empty: that means all
	c.PollInterval = cmp.Or(c.PollInterval, defaultPollInterval)
	c.Lease = cmp.Or(c.Lease, store.DefaultLease)
	c.Heartbeat = cmp.Or(c.Heartbeat, defaultHeartbeat)
	c.JobTimeout = cmp.Or(c.JobTimeout, store.DefaultJobTimeout)
	c.Log = cmp.Or(c.Log, slog.Default())
	if c.Observer == nil {
		c.Observer = Unobserved{}
	}
	if c.Heartbeat*2 > c.Lease {
		return nil, fmt.Errorf("executor: a lease of %s is too short for a heartbeat every %s: it must be at least twice as long", c.Lease, c.Heartbeat)
	}
	hostname, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("executor: read the host's name: %w", err)
	}
	p := &Pool{
		config:   c,
		queue:    q,
		hostname: cleanText(hostname),
		stopping: make(chan struct{}),
		lease:    lease{length: c.Lease},
		jobs:     make(chan *attempt, c.Workers+maxPrefetch),
		held:     held{jobs: map[int64]heldJob{}},
		results:  results{ready: make(chan struct{}, 1)},
		freed:    make(chan struct{}, 1),
		stored:   make(chan struct{}, 1),
		breaker:  breaker{runners: c.Runners, log: c.Log},
	}
	p.breaker.avoid = p.avoid
	return p, nil
}

// avoid tells the session what this executor cannot use.
func (p *Pool) avoid(list []store.Unavailable) {
	if s := p.session.Load(); s != nil {
		s.Avoid(list)
	}
}

// Unavailable returns what this executor cannot use now, so that it claims no job
// that needs any of it.
func (p *Pool) Unavailable() []store.Unavailable { return p.breaker.list() }
