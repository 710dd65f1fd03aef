package operate

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/meant"
	act "github.com/tagexec/tagexec/store/operate"
	"github.com/tagexec/tagexec/store/report"
)

func poolsPause(std cli.Streams) *cobra.Command {
	return pausing(std, true, "is paused: nothing is started from it, and what runs goes on", &cobra.Command{
		Use:   "pause POOL",
		Short: "Start nothing from a pool until it is resumed",
		Long: "pause takes effect within seconds on all executors; what runs goes on. It is on record, with --reason.\n" +
			"Members of tagexec_operator may do it.",
		Example: "  tagexec pools pause warehouse --reason migration\n" +
			"  tagexec pools pause warehouse -o json\n" +
			"  tagexec pools resume warehouse",
	})
}

func poolsResume(std cli.Streams) *cobra.Command {
	return pausing(std, false, "is not paused: its jobs start as slots are free", &cobra.Command{
		Use:   "resume POOL",
		Short: "Start jobs from a pool that was paused",
		Long:  "resume takes effect within seconds on all executors. It is on record, with --reason. Members of tagexec_operator\nmay do it.",
		Example: "  tagexec pools resume warehouse\n" +
			"  tagexec pools resume warehouse --reason 'the migration is done'\n" +
			"  tagexec pools list",
	})
}

func pausing(std cli.Streams, paused bool, said string, cmd *cobra.Command) *cobra.Command {
	var a acting
	cmd.Args, cmd.ValidArgsFunction = oneArgument(aPool), completeArgument(completePools, false)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.run(cmd, std, func(ctx context.Context, actor *act.Actor, r *report.Reader) error {
			if err := actor.SetPaused(ctx, args[0], paused, a.order()); err != nil {
				return meant.Pool(ctx, r, args[0], err)
			}
			return a.say(std, result{Action: "change_pool", Pool: &args[0], Done: true}, "Pool %s %s.", args[0], said)
		})
	}
	a.flags(cmd)
	return cmd
}
