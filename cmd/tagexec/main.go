// Command tagexec runs tag jobs that a scheduler inserted into a Postgres
// table: see README.md. One file per subcommand; config.go is the only reader
// of the environment.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// A reader that closed our pipe must not end jobs. Notified, not ignored:
	// commands would inherit an ignored signal.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	os.Exit(tagexec(context.Background(), os.Args[1:], stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}
