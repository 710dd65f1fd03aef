package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tagexec/tagexec/cmd/internal/cli"
)

// What stands between backquotes in the text of an option, pflag shows as the type of its
// value.
func TestTheTypeOfEachOptionIsOneWord(t *testing.T) {
	t.Parallel()
	options := 0
	var look func(*cobra.Command)
	look = func(cmd *cobra.Command) {
		cmd.InitDefaultHelpFlag()
		for _, set := range []*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags()} {
			set.VisitAll(func(f *pflag.Flag) {
				options++
				if kind, usage := pflag.UnquoteUsage(f); strings.ContainsAny(kind, " -`") || strings.Contains(usage, "`") {
					t.Errorf("%s --%s takes a value that is called %q: %s", cmd.CommandPath(), f.Name, kind, usage)
				}
			})
		}
		for _, sub := range cmd.Commands() {
			look(sub)
		}
	}
	look(root(cli.Streams{}))
	if options < 100 {
		t.Errorf("only %d options were looked at", options)
	}
}
