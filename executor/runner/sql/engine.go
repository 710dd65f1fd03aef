// Package sql is what SQL jobs run on: the interface of an engine, and the words
// and parts that engines share. The engines are one package each beneath this one.
// The way of a job through its engine, the same for all, is runner.SQL.
package sql

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
)

// Parse reads the URL of a source without connecting. Its error says what is wrong
// and what would be right, and quotes no part of the URL that may hold a password.
type Parse func(url string) (Source, error)

// Source is the URL of a source that was read and found right.
type Source interface {
	// Password is the password in it, "" for none: it must appear nowhere.
	Password() string
	// Engine returns what runs jobs there. It does not connect. Close it.
	Engine(Options) (Engine, error)
}

// Options are the settings of an engine.
type Options struct {
	Connections int          // how many it may have at the same time, those that end a statement aside
	Log         *slog.Logger // told what the server cannot guarantee
}

// Engine is a source in use. All of its methods may be called concurrently.
type Engine interface {
	// Traits says what jobs may ask of the engine.
	Traits() Traits
	// Open returns a session for one attempt of one job, and waits for one if all are
	// in use. An error means that nothing of the job was sent. It is an
	// *executor.Failure whose message tells the reason without address, login and
	// place, or any error if ctx has ended.
	Open(ctx context.Context, job Job) (Session, error)
	// Check connects, unless jobs have all the connections that there may be, and
	// returns what answers. Its errors are those of Open.
	Check(ctx context.Context) (Server, error)
	// Connections counts the connections of jobs.
	Connections() Connections
	// Close closes all connections. Jobs that still run lose theirs a moment later.
	Close()
}

// Session runs the statements of one attempt. Its methods are called one after the
// other, by one goroutine, and each returns soon after its context has ended.
type Session interface {
	// Begin opens the transaction of a job that is atomic, and sets the limits by
	// which the server ends the job's work if this executor vanishes. Its errors are
	// those of Open.
	Begin(ctx context.Context) error
	// Exec runs one statement. If ctx ends, Exec ends the work in the server, and then
	// returns Ended. Other errors are *executor.Failure, made by Failed, Lost or
	// CommitUnknown, or refusals; or NotBegun.
	Exec(ctx context.Context, s Statement) (Done, error)
	// Commit makes the work of the statements lasting where each has not done so by
	// itself. Its errors are those of Exec.
	Commit(ctx context.Context) error
	// QueryID is by what the server's own lists and logs name the statement that ran
	// last; "" if it has no name for it, or nothing ran.
	QueryID() string
	// End rolls back what is not committed, and leaves nothing to the next job:
	// neither settings, nor temporary tables, nor a statement that still runs.
	End()
}

// Traits are what the engines differ in for who writes a job.
type Traits struct {
	Engine    string    // its name, as in the URL
	Atomic    bool      // several statements can be one transaction
	Arguments Arguments // how a statement takes values
	Counts    bool      // it says how many rows a statement changed
	// EndedBy says how a statement is ended whose job is cancelled or whose time is
	// over, and OrphanEndedBy what ends one whose executor is gone.
	EndedBy, OrphanEndedBy string
}

// Arguments is how a statement takes values.
type Arguments string

// The ways to take values.
const (
	Listed Arguments = "args"   // an array: $1, $2 or ?, ?
	Named  Arguments = "params" // an object: {name:Type}
	None   Arguments = ""       // it takes none
)

// Job is what a session knows of the job: whose work it is, and where to write.
type Job struct {
	Queue      string // random and the same for all executors of a queue: others may share the login
	ID         int64
	Attempt    int32
	Tag, Batch string
	Atomic     bool      // its statements are one transaction
	Output     io.Writer // takes what the server says beside its results; it never fails
}

// Statement is one statement of a job.
type Statement struct {
	Where   string                     // what it is called in errors: OnlyStatement, or "statement 2 of 3"
	Text    string                     // in the language of the engine
	Args    []json.RawMessage          // of an engine that takes a list
	Params  map[string]json.RawMessage // of one that takes names
	WantRow bool                       // its first row becomes the result
}

// OnlyStatement stands for the statement of a job that has just one.
const OnlyStatement = "the statement"

// Done is what a statement left.
type Done struct {
	Rows *int64          // that it changed; nil if the engine does not say so
	Row  json.RawMessage // the first that it returned, an object of column and value; nil for none
}

// Server is what answered, for people: its product and version.
type Server struct{ Product, Version string }

// Connections counts the connections of jobs.
type Connections struct{ InUse, Idle, Max int }
