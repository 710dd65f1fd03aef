// Command tagexec-bench measures the queue of tagexec, and tries to break it:
// see README.md. One file per kind of run.
package main

import "github.com/tagexec/tagexec/cmd/internal/cli"

func main() { cli.Main(root) }
