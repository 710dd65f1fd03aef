package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// OneOf refuses a value of an option that is none of those, and says which of them it
// may have been meant to be.
func OneOf(option, value string, allowed ...string) error {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	return Usagef("--%s is %q: must be one of %s%s", option, value, strings.Join(allowed, ", "), DidYouMean(value, allowed))
}

// Group is a command that does nothing without one of its subcommands. What it does
// not know it refuses, with what was probably meant.
func Group(use, short string, subs ...*cobra.Command) *cobra.Command {
	names := namesOf(subs)
	group := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return Usagef("%s needs one of %s: `%s --help` says what they do", cmd.CommandPath(), strings.Join(names, ", "), cmd.CommandPath())
			}
			return unknownCommand(cmd, args[0])
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	group.AddCommand(subs...)
	return group
}

func namesOf(commands []*cobra.Command) []string {
	var names []string
	for _, c := range commands {
		if c.IsAvailableCommand() || c.IsAdditionalHelpTopicCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}
