package store

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// Session is the queue as one registered executor sees it. It is an interface
// so that a measuring wrapper or a queue in memory can stand in for it. Claim
// and ClaimSuspect are called by one goroutine at a time, the other methods may
// be called concurrently with them. Each returns soon after its context ends.
type Session interface {
	// ID is the executor's id, for logs.
	ID() string
	// Claim takes up to n jobs that can run now.
	Claim(ctx context.Context, n int) (Claimed, error)
	// ClaimSuspect takes one suspect, if there is one that can run now.
	ClaimSuspect(ctx context.Context) ([]Job, error)
	// Listen calls listening as soon as new jobs would be announced, and
	// notified whenever some are. It returns when ctx ends.
	Listen(ctx context.Context, listening, notified func()) error
	// Avoid tells what the executor cannot use from now on: its claims leave out
	// the jobs that need any of it, and its heartbeats say so.
	Avoid(list []Unavailable)
	// GiveUp fails due jobs that no executor could run for their time, because
	// what they need is unavailable. It returns how many.
	GiveUp(ctx context.Context) (int, error)
	// Heartbeat renews the lease, or returns ErrReaped. It reports whether the
	// executor was asked to claim nothing more, and to end when its jobs have.
	Heartbeat(ctx context.Context) (drain bool, err error)
	// Running returns the claims that the database ascribes to the executor.
	Running(ctx context.Context) ([]Running, error)
	// Stop notes that the executor ended by itself.
	Stop(ctx context.Context) error
}

// Claimed is the answer to a claim.
type Claimed struct {
	Jobs     []Job // highest priority first, then in order
	More     bool  // another claim at once may bring more; false: nothing else can run right now
	Suspects bool  // the last scan saw suspects that are due; Claim leaves them out
	Blocked  bool  // there may be jobs that a result lets run when it is stored: it frees a mutex key, or slots of a pool

	Unwritable []Unwritable // jobs that this executor isolated since the last claim
}

// session is the Session of a Store: what it may claim, and what it has learned
// about where that lies.
type session struct {
	*Store
	Executor
	id           uuid.UUID
	lanes        lanes
	batch        batch
	suspects     []suspect // that the last scan saw
	claims       portion
	mu           sync.Mutex
	unwritable   []Unwritable           // for the answer of the next claim; guarded by mu
	searching    sync.Mutex             // held by who searches for unreadable rows
	search       search                 // guarded by searching
	around       atomic.Bool            // claims look around damaged pages, see unreadable.go
	retried      time.Time              // when unwritable jobs were last tried again
	usages       map[string]usage       // per limited pool
	reservations map[string]reservation // per limited pool
	avoided      atomic.Pointer[unavailable]
	rescan       atomic.Bool // the next claim scans from the beginning
}

func newSession(s *Store, id uuid.UUID, e Executor) *session {
	return &session{
		Store: s, Executor: e, id: id,
		lanes:        lanes{known: map[laneName]*lane{}, limited: map[string]bool{}, cursors: map[string]string{}},
		usages:       map[string]usage{},
		reservations: map[string]reservation{},
	}
}

// ID is the executor's id, for logs.
func (s *session) ID() string { return s.id.String() }
