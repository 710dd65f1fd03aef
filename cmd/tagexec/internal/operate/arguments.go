package operate

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
)

// oneArgument wants exactly one argument, which is called what.
func oneArgument(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0 || args[0] == "":
			return cli.Usagef("%s needs %s", cmd.CommandPath(), what)
		case len(args) > 1:
			return cli.Usagef("%s takes %s, got also %q", cmd.CommandPath(), what, args[1])
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
