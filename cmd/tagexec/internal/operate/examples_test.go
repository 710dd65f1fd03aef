package operate

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
)

// Each verb shows three ways to use it, in words that it understands.
func TestEveryVerbHasThreeExamples(t *testing.T) {
	t.Parallel()
	root := &cobra.Command{Use: "tagexec"}
	root.AddCommand(Commands(cli.Streams{})...)
	var look func(*cobra.Command)
	look = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			look(sub)
		}
		if cmd.HasSubCommands() {
			return
		}
		lines := strings.Split(cmd.Example, "\n")
		if len(lines) != 3 {
			t.Errorf("%s has %d examples", cmd.CommandPath(), len(lines))
		}
		for _, line := range lines {
			checkExample(t, root, cmd, line)
		}
	}
	for _, cmd := range root.Commands() {
		look(cmd)
	}
}

// checkExample looks whether the commands and options of a line exist.
func checkExample(t *testing.T, root, cmd *cobra.Command, line string) {
	t.Helper()
	_, words, ok := strings.Cut(line, "tagexec ")
	if !ok || !strings.HasPrefix(line, "  ") {
		t.Errorf("%s: %q calls no tagexec", cmd.CommandPath(), line)
		return
	}
	words, _, _ = strings.Cut(words, " #")
	called, _, err := root.Find(strings.Fields(words))
	if err != nil || called.HasSubCommands() {
		t.Errorf("%s: %q calls no command: %v", cmd.CommandPath(), line, err)
		return
	}
	called.InitDefaultHelpFlag()
	for _, word := range strings.Fields(words) {
		name, isOption := strings.CutPrefix(word, "--")
		if name, _, _ = strings.Cut(name, "="); isOption && called.Flags().Lookup(name) == nil {
			t.Errorf("%s: %q: there is no --%s", cmd.CommandPath(), line, name)
		}
	}
}
