package executor

import (
	"context"
	"time"

	"github.com/tagexec/tagexec/store"
)

// Queue is what the engine needs of the store; *store.Store has it. Its methods
// and those of a session are called concurrently, but Claim and ClaimSuspect of
// a session by one goroutine, and its Listen by one at a time. Each returns
// soon after its context ended.
type Queue interface {
	// Register makes an executor known, as a new one at each call, and returns
	// its session; the lease begins.
	Register(ctx context.Context, e store.Executor) (store.Session, error)
	// Record stores results and returns the fate of each. A fate that is not
	// known is "" or, beside an error, left out. A repeat is harmless.
	Record(ctx context.Context, results []store.Result) ([]store.Fate, error)
	// Reap offers the jobs of dead executors again: of those that have given no
	// new sign of life for their lease since a call saw their last. contact is how
	// long the caller has been in unbroken contact with the database.
	Reap(ctx context.Context, contact time.Duration) (store.Reaped, error)
	// ExpireBatches cancels what is left of batches that are over.
	ExpireBatches(ctx context.Context) (store.Expired, error)
	// WriteMinutes sums up the minutes of history that are over, and returns whether
	// there are more than it did.
	WriteMinutes(ctx context.Context) (more bool, err error)
	// ShowOutput shows a chunk of what an attempt has printed, and reports whether more
	// of it can be shown. A repeat is harmless.
	ShowOutput(ctx context.Context, chunk store.LiveOutput) (more bool, err error)
	// ForgetOutput deletes what was shown of attempts that ended a while ago.
	ForgetOutput(ctx context.Context) error
}
