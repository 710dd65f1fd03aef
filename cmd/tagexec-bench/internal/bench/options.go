package bench

import (
	"errors"
	"time"

	"github.com/tagexec/tagexec/store/devpg"
)

// Options of a scenario.
type Options struct {
	Server     *devpg.Server // an embedded server of ours; nil if Database is given
	Database   string        // URL of a migrated queue without jobs, which is emptied again
	Executable string        // the tagexec program
	Dir        string        // for what is built

	Jobs    int // what a run works off
	Workers int // of all executors of a run together
	Repeat  int

	Versus []string // of Comparable
	Peers  string   // directory of the peers' programs, see FindPeers

	Pending   int           // backlog: jobs in the queue
	Finished  int           // history: jobs that ended before
	Processes int           // multi: executors
	Idle      time.Duration // idle: how long it is watched

	Show func(done, total int, detail string) // progress
	Log  func(format string, args ...any)     // a line for people
}

// Floor is what a scenario can be run against: the same table and statements
// without an engine.
const Floor = "floor"

// ErrNotEmpty refuses a database that holds jobs.
var ErrNotEmpty = errors.New("the queue holds jobs already: bench needs one of its own")

// ServerSettings are those of the embedded server: durable as by default, with memory and WAL
// enough for no checkpoint to fall into a run.
var ServerSettings = map[string]string{"shared_buffers": "1GB", "max_wal_size": "8GB"}
