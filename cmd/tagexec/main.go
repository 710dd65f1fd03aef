// Command tagexec runs tag jobs that a scheduler inserted into a Postgres
// table: see README.md. One file per subcommand; config.go is the only reader
// of the environment.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(tagexec(context.Background(), os.Args[1:], stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}
