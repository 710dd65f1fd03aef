// Command tagexec runs tag jobs that a scheduler inserted into a Postgres
// table: see README.md. One file per subcommand; config.go is the only reader
// of the environment.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// headroom counts as heap in use, so at GOGC=100 that many bytes more of garbage
// gather before the collector runs: by itself, on a live heap of a few MB, it was
// seen to take a fourth of a busy executor's CPU time. Nobody touches these bytes,
// so only the garbage takes memory. GOGC and GOMEMLIMIT work as ever.
const headroom = 16 << 20

func main() {
	unused := make([]byte, headroom)
	// A reader that closed our pipe must not end jobs. Notified, not ignored:
	// commands would inherit an ignored signal.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	code := tagexec(context.Background(), os.Args[1:], stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	runtime.KeepAlive(unused)
	os.Exit(code)
}
