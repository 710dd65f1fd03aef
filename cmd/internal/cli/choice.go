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
	return Usagef("--%s is %q: must be one of %s%s", option, value, strings.Join(allowed, ", "), didYouMean(value, allowed))
}

// didYouMean proposes those of the names that look like what was typed, as cobra does.
func didYouMean(typed string, names []string) string {
	parent := &cobra.Command{SuggestionsMinimumDistance: 2}
	for _, name := range names {
		parent.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
	}
	near := parent.SuggestionsFor(typed)
	if typed == "" || len(near) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(near, " or ") + "?"
}

// Group is a command that does nothing without one of its subcommands. What it does
// not know it refuses, with those that look like it.
func Group(use, short string, subs ...*cobra.Command) *cobra.Command {
	var names []string
	for _, sub := range subs {
		names = append(names, sub.Name())
	}
	group := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return Usagef("%s needs one of %s: `%s --help` says what they do", cmd.CommandPath(), strings.Join(names, ", "), cmd.CommandPath())
			}
			return Usagef("%s has no command %q, only %s%s", cmd.CommandPath(), args[0], strings.Join(names, ", "), didYouMean(args[0], names))
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	group.AddCommand(subs...)
	return group
}
