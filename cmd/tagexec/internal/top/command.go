package top

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/operate"
	"github.com/tagexec/tagexec/store/report"
)

// Command is `top`.
func Command(std cli.Streams) *cobra.Command {
	var once bool
	options := listing.Options{Format: listing.Table}
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Show what runs, waits and fails, on a screen that stays",
		Long: "top shows the queue every two seconds: what runs, the pools, the executors, the open batches and the\n" +
			"latest failures. Its keys cancel, retry, pause and drain: each asks first and is on record. ? lists them.\n" +
			"Off a terminal, or with --once, it prints all five tables once.",
		Example: "  tagexec top\n" +
			"  tagexec top --once | head -2      # one sentence about the queue, one about what needs you\n" +
			"  tagexec top --tz UTC",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			look, err := options.Look(std)
			if err != nil {
				return err
			}
			c, err := config.LoadWithDatabase()
			if err != nil {
				return err
			}
			r, err := report.Open(report.Config{URL: c.DatabaseURL, Application: cmd.CommandPath(), Zone: look.Zone.String()})
			if err != nil {
				return err
			}
			defer r.Close()
			if err := r.CheckSchema(cmd.Context()); err != nil {
				return err
			}
			terminal := cli.Terminal(std.Out)
			if once || terminal == nil || cli.Terminal(std.In) == nil {
				return printOnce(cmd.Context(), std, r, look)
			}
			a, err := operate.Open(operate.Config{URL: c.DatabaseURL, Application: cmd.CommandPath()})
			if err != nil {
				return err
			}
			defer a.Close()
			s := &screen{ctx: cmd.Context(), queue: r, actor: a, look: look, colour: look.Coloured(), width: look.Width(), height: 24}
			_, err = tea.NewProgram(s, tea.WithContext(cmd.Context()), tea.WithInput(cli.Terminal(std.In)), tea.WithOutput(terminal), tea.WithoutSignalHandler()).Run()
			if cause := context.Cause(cmd.Context()); cause != nil {
				return cause
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "print the five tables once")
	cmd.Flags().StringVar(&options.Zone, "tz", "", "time zone of times, e.g. Europe/Berlin or UTC (default that of this machine)")
	cmd.Flags().StringVar(&options.Colour, "color", "auto", "auto, always or never; NO_COLOR turns auto off")
	return cmd
}

// printOnce prints what the screen would show, all tabs below each other.
func printOnce(ctx context.Context, std cli.Streams, q asker, look *listing.Look) error {
	s := takeSnapshot(ctx, q, time.Now(), snapshot{})
	if s.err != nil {
		return s.err
	}
	_, err := fmt.Fprint(std.Out, s.text(look))
	return err
}
