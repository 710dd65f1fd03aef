package cli

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// refuseUnknown makes a program and its commands refuse what they do not know with what
// was probably meant. By itself cobra proposes each command that is two letters away.
func refuseUnknown(root *cobra.Command) {
	root.SetFlagErrorFunc(WrongFlag)
	if root.Runnable() || !root.HasSubCommands() {
		return
	}
	root.Args, root.ValidArgsFunction = cobra.ArbitraryArgs, cobra.NoFileCompletions
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return unknownCommand(cmd, args[0])
	}
}

// unknownCommand is the error of a word where cmd wants a subcommand.
func unknownCommand(cmd *cobra.Command, word string) error {
	names := namesOf(cmd.Commands())
	meant := Near(word, names)
	if len(meant) == 0 {
		meant = elsewhere(cmd.Root(), word)
	}
	if len(meant) == 0 {
		meant = shows(cmd, word)
	}
	hint := AskFor(meant)
	switch {
	case cmd.HasParent():
		return Usagef("%s has no command %q, only %s%s", cmd.CommandPath(), word, strings.Join(names, ", "), hint)
	case hint == "":
		hint = ": `" + cmd.CommandPath() + " --help` lists all"
	}
	return Usagef("unknown command %q for %q%s", word, cmd.CommandPath(), hint)
}

// elsewhere finds the commands of a name, beneath whichever others, as they are typed.
func elsewhere(root *cobra.Command, name string) (paths []string) {
	for _, c := range root.Commands() {
		if !c.IsAvailableCommand() {
			continue
		}
		if c.Name() == name {
			paths = append(paths, pathOf(c))
		}
		paths = append(paths, elsewhere(c, name)...)
	}
	return paths
}

// pathOf is how a command is called, without the name of the program.
func pathOf(c *cobra.Command) string { return strings.TrimPrefix(c.CommandPath(), c.Root().Name()+" ") }

// shows is the command that shows one of what cmd is about, if the word may be one.
func shows(cmd *cobra.Command, word string) []string {
	for _, c := range cmd.Commands() {
		_, argument, _ := strings.Cut(c.Use, " ")
		isNumber := strings.Trim(word, "0123456789") == ""
		if (c.Name() == "show" || c.Name() == "status") && argument != "" && (argument != "ID" || isNumber) {
			return []string{pathOf(c) + " " + ShellWord(word)}
		}
	}
	return nil
}

// WrongFlag is the error of an option that a command does not have, with the one that was
// probably meant, or of one without its value.
func WrongFlag(cmd *cobra.Command, err error) error {
	if words := cmd.Flags().Args(); cmd.HasSubCommands() && len(words) > 0 {
		return unknownCommand(cmd, words[0]) // whose option it is
	}
	help := "`" + cmd.CommandPath() + " --help`"
	var (
		unknown *pflag.NotExistError
		without *pflag.ValueRequiredError
	)
	switch {
	case errors.As(err, &unknown):
		name := unknown.GetSpecifiedName()
		if letters := unknown.GetSpecifiedShortnames(); letters != "" {
			name = letters // one dash too few
		}
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names = append(names, f.Name)
			}
		})
		if near := Near(name, names); len(near) > 0 {
			return Usagef("%w; did you mean --%s? See %s", err, strings.Join(near, " or --"), help)
		}
		return Usagef("%w; see %s", err, help)
	case errors.As(err, &without):
		return Usagef("%w; see %s", err, help)
	}
	return err
}
