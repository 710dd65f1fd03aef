package operate

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
)

// What a command is about, and where that is found.
const (
	aJob       = "the number of a job: `tagexec jobs list` shows the newest"
	aBatch     = "the key of a batch: `tagexec batch list` shows the newest, `tagexec batch list --open` those that are open"
	aPool      = "the name of a pool: `tagexec pools list` shows them"
	aNewPool   = "the name of a pool"
	aTag       = "a tag: `tagexec tags list` shows them"
	anExecutor = "the id of an executor: `tagexec executors list` shows those that live"
)

// oneArgument wants exactly one argument, which is called what.
func oneArgument(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0 || args[0] == "":
			return cli.Usagef("%s needs %s", cmd.CommandPath(), what)
		case len(args) > 1:
			name, _, _ := strings.Cut(what, ":")
			return cli.Usagef("%s takes %s, got also %q", cmd.CommandPath(), name, args[1])
		}
		return nil
	}
}

// jobNumber reads the number of a job.
func jobNumber(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, cli.Usagef("the job is %q: must be its number, such as 42", text)
	}
	return id, nil
}
