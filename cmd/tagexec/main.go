// Command tagexec runs tag jobs that a scheduler inserted into a Postgres
// table: see README.md. One file per subcommand; what it shares with
// tagexec-bench is in cmd/internal.
package main

import "github.com/tagexec/tagexec/cmd/internal/cli"

func main() { cli.Main(root) }
