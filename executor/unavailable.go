package executor

import (
	"context"
	"errors"

	"github.com/tagexec/tagexec/store"
)

// Unavailable is the error of an attempt in which nothing ran, because this
// executor could not: there was no connection, no such command, or it is not
// allowed here. The attempt counts no failure and the job goes to others. Until
// the resource can be used again this executor claims no job that needs it.
type Unavailable struct {
	Resource store.Resource // what cannot be used; without a name only this job waits
	Err      error          // why: of a *Failure its code and message count, nothing else
}

// Error returns why in one sentence, with the code of a *Failure behind it.
func (u *Unavailable) Error() string {
	var f *Failure
	if errors.As(u.Err, &f) && f != nil {
		return f.Message + " [" + f.Code + "]"
	}
	return u.Err.Error()
}

// Unwrap returns Err.
func (u *Unavailable) Unwrap() error { return u.Err }

// Prober is a Runner that can tell whether its resources can be used. The
// resources of other Runners are tried with one job at a time.
type Prober interface {
	Runner
	// Resources returns what every executor needs that runs such jobs. They are
	// probed before anything is claimed.
	Resources() []store.Resource
	// Probe returns nil if jobs that need the resource may run, else why not, as Run
	// would. It returns soon after its context ended, and is called concurrently.
	Probe(ctx context.Context, r store.Resource) error
}
