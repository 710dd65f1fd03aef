package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// refuseTopics makes the commands of cobra itself, help and completion, refuse what
// they do not know: by themselves they print their own help instead, as if that had
// been asked for.
func refuseTopics(root *cobra.Command, args []string) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd(args...)
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help":
			c.Args = func(_ *cobra.Command, args []string) error {
				if _, rest, err := root.Find(args); err != nil || len(rest) > 0 {
					about := strings.Join(args, " ")
					if near := DidYouMean(about, namesOf(root.Commands())); near != "" {
						return Usagef("there is no help about %q%s", about, near)
					}
					return Usagef("there is no help about %q: `%s help` lists what there is", about, root.Name())
				}
				return nil
			}
		case "completion":
			c.RunE = func(c *cobra.Command, args []string) error {
				if len(args) == 0 {
					return c.Help()
				}
				var shells []string
				for _, shell := range c.Commands() {
					shells = append(shells, shell.Name())
				}
				slices.Sort(shells)
				return Usagef("completion for %q is not made: only for %s%s", args[0], strings.Join(shells, ", "), DidYouMean(args[0], shells))
			}
			c.Args = cobra.ArbitraryArgs
		}
	}
}
