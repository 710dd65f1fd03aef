package executor

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/tagexec/tagexec/store"
)

// Queue is what the engine needs of the store; *store.Queue has it. Claim,
// Suspects and ClaimSuspect are called by one goroutine, the others
// concurrently. Each returns soon after its context ends.
type Queue interface {
	// Register makes an executor known; its lease begins.
	Register(ctx context.Context, e store.Executor) error
	// Claim takes up to n jobs that can run now; fewer means there are no more.
	Claim(ctx context.Context, executor uuid.UUID, n int) ([]store.Job, error)
	// Suspects tells whether the last claim saw jobs that have taken down
	// executors before and can run now. Claim leaves those out.
	Suspects() bool
	// ClaimSuspect takes one of them.
	ClaimSuspect(ctx context.Context, executor uuid.UUID) ([]store.Job, error)
	// Nap calls asleep as soon as the queue would wake this executor for new
	// jobs, and wake when the first are there; it returns when ctx ends, or some
	// time after it called wake. A queue that cannot wake waits for the end of
	// ctx. One call at a time.
	Nap(ctx context.Context, asleep, wake func()) error
	// Record stores results and returns the fate of each; "" is not known, and
	// so are those left out beside an error.
	Record(ctx context.Context, hostname string, results []store.Result) ([]store.Fate, error)
	// Heartbeat renews the lease, or returns store.ErrReaped.
	Heartbeat(ctx context.Context, executor uuid.UUID) error
	// Running returns the claims that the database ascribes to the executor.
	Running(ctx context.Context, executor uuid.UUID) ([]store.Running, error)
	// Reap offers the jobs of dead executors again.
	Reap(ctx context.Context, contact time.Duration) (store.Reaped, error)
	// Stop notes that the executor ended by itself.
	Stop(ctx context.Context, executor uuid.UUID) error
}
