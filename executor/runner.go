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
// Run is called from many goroutines at once, one call per attempt. The
// context ends when the attempt's time is over, when the job is cancelled and
// when the executor shuts down; Run must then end the work itself (statement,
// process, request) and return. context.Cause(ctx) tells which it was.
//
// A nil error means the job succeeded, even if the context ended meanwhile.
// Any other error fails the attempt: return a *Failure to choose its code,
// whether another attempt makes sense, and when. The Outcome is stored either
// way. A panic is recovered and stored as a failure with its stack.
type Runner interface {
	Run(ctx context.Context, job store.Job) (Outcome, error)
}

// RunnerFunc makes a Runner of a function.
type RunnerFunc func(ctx context.Context, job store.Job) (Outcome, error)

// Run calls f.
func (f RunnerFunc) Run(ctx context.Context, job store.Job) (Outcome, error) { return f(ctx, job) }

// Outcome is what a run leaves behind, whether it succeeded or failed. The
// zero value says nothing. Text may hold any bytes: it is made storable
// (valid UTF-8, no NUL, bounded) before it is recorded.
type Outcome struct {
	RowsAffected *int64          // rows a SQL job changed or returned
	ExitCode     *int32          // exit code of a command, status of a response
	Result       json.RawMessage // any JSON value; becomes tag_jobs.result
	Output       string          // printed text, already cut to head and tail
	OutputBytes  int64           // true length; 0 means len(Output)
}

// Failure is the error of a failed attempt.
type Failure struct {
	Code       string        // SQLSTATE or a word such as exit_status
	Message    string        // one sentence for people, without secrets
	Permanent  bool          // no further attempt can pass: the job is failed now
	RetryAfter time.Duration // not before this long, on top of the usual delay
}

// Error returns the message behind its code.
func (f *Failure) Error() string { return f.Code + ": " + f.Message }

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
