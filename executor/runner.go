package executor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tagexec/tagexec/store"
)

// Runner runs the jobs of one kind.
//
// Run is called concurrently, once for each attempt. The context ends when the
// attempt's time is over, when the job is cancelled, when the executor shuts
// down, and when the job may be another executor's by now. Run must then end the
// work itself (statement, process, request) and return, within store.KillGrace.
// context.Cause(ctx) is the reason. The engine goes on to use the job, so Run must
// not change it.
//
// A nil error means the job succeeded, even if the context ended meanwhile.
// Any other error fails the attempt: return a *Failure to choose its code,
// whether another attempt makes sense, and when; or an *Unavailable, with which
// the attempt counts as none, if nothing ran; or an *Interrupted, likewise, if
// nothing of what ran was kept. The Report is stored either
// way. A panic is recovered and stored as a failure with its stack.
type Runner interface {
	Run(ctx context.Context, job *store.Job) (Report, error)
}

// RunnerFunc makes a Runner of a function.
type RunnerFunc func(ctx context.Context, job *store.Job) (Report, error)

// Run calls f.
func (f RunnerFunc) Run(ctx context.Context, job *store.Job) (Report, error) { return f(ctx, job) }

// Report is what a run leaves behind, whether it succeeded or failed. The zero
// value says nothing. Text may hold any bytes: before it is recorded it is made
// valid UTF-8 without NUL, and cut.
type Report struct {
	RowsAffected *int64          // rows a SQL job changed or returned
	ExitCode     *int32          // exit code of a command, status of a response
	Value        json.RawMessage // any JSON value, of at most 256 kB; becomes tag_jobs.result
	Output       string          // printed text, for those who may read payloads; of more than 68 kB only head and tail are stored
	OutputBytes  int64           // true length of Output before it was cut; 0 means len(Output)
	QueryID      string          // by what the engine of a SQL job names its last statement; at most 200 bytes are stored
}

// Failure is the error of a failed attempt.
type Failure struct {
	Code       string        // SQLSTATE or a word such as exit_status; "error" if empty
	Message    string        // one sentence for people, without secrets or data, of at most 2 kB; every reader of tagreport sees it
	Permanent  bool          // no further attempt can pass: the job is failed now
	RetryAfter time.Duration // the next attempt waits at least so long, an hour at most; 0: as RetryDelay says

	uncounted error // an *Unavailable or *Interrupted: the attempt counts as none
}

// Error returns the message behind its code.
func (f *Failure) Error() string { return f.Code + ": " + f.Message }

// Interrupted is the error of an attempt that something ended which has nothing to
// do with its job, and of which nothing was kept. It counts no failure, and the job
// is offered again at once.
type Interrupted struct{ Reason string } // one sentence

// Error returns the reason.
func (i *Interrupted) Error() string { return i.Reason }

// Failf returns a Failure that may be tried again.
func Failf(code, format string, args ...any) *Failure {
	return &Failure{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Refusef returns a Failure that is final: trying again cannot help.
func Refusef(code, format string, args ...any) *Failure {
	return &Failure{Code: code, Message: fmt.Sprintf(format, args...), Permanent: true}
}

// Causes of an ended run context, for context.Cause.
var (
	// ErrTimeout: the attempt's time (timeout_seconds, or JOB_TIMEOUT) is over.
	ErrTimeout = errors.New("the attempt's time is over")
	// ErrCancelled: an operator or a producer cancelled the job.
	ErrCancelled = errors.New("the job was cancelled")
	// ErrShutdown: the executor is shutting down; the job is handed back.
	ErrShutdown = errors.New("the executor is shutting down")
	// ErrLost: the claim is no longer this executor's; the result is refused.
	ErrLost = errors.New("the claim was lost")
)
