package serve

import (
	"log/slog"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/tagexec/tagexec/cmd/internal/config"
)

// Descriptors that an executor needs, at most: itself, and for each worker that
// runs a job of a kind. Go has raised the limit to what is allowed; commands get
// the one that we were started with.
const (
	ownDescriptors     = 48
	commandDescriptors = 12 // both ends of five pipes, the process, the directory
	otherDescriptors   = 4  // connections
)

// Connections to the page and the health endpoints, at most and at least.
const (
	maxConnections = 64
	minConnections = 8
)

// spareConnections returns how many connections over HTTP there may be
// without taking from jobs, and warns where jobs alone may need too many.
func spareConnections(c config.Config, kinds []string, log *slog.Logger) int {
	perWorker := otherDescriptors
	if slices.Contains(kinds, "command") {
		perWorker = commandDescriptors
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return minConnections
	}
	need := ownDescriptors + int(c.Workers)*perWorker
	spare := int(min(uint64(limit.Cur), 1<<30)) - need
	if spare < minConnections {
		log.Warn("the limit of open files is low for so many workers: raise it (ulimit -n), or run fewer",
			"limit", limit.Cur, "workers", c.Workers, "needed", need+minConnections)
	}
	return min(max(spare, minConnections), maxConnections)
}
