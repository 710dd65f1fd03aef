package operate

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/cmd/internal/meant"
	act "github.com/tagexec/tagexec/store/operate"
	"github.com/tagexec/tagexec/store/report"
)

func batchPriority(std cli.Streams) *cobra.Command {
	var a acting
	cmd := &cobra.Command{
		Use:   "priority BATCH N",
		Short: "Let the waiting jobs of a batch go before others, or after them",
		Long: "priority gives the waiting jobs of a batch a priority from 0 to 9, higher first; 5 is usual. It is on record,\n" +
			"with --reason. Members of tagexec_operator may do it.",
		Example: "  tagexec batch priority nightly:2026-11-22 9 --reason 'it is late'\n" +
			"  tagexec batch priority backfill:2025 0\n" +
			"  tagexec batch why nightly:2026-11-22    # who is ahead",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 || args[0] == "" {
				return cli.Usagef("%s needs the key of a batch and a priority from 0 to 9", cmd.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: completeArgument(completeBatches, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			priority, err := strconv.Atoi(args[1])
			if err != nil || priority < 0 || priority > 9 {
				return cli.Usagef("the priority is %q: must be from 0 to 9, higher first", args[1])
			}
			return a.run(cmd, std, func(ctx context.Context, actor *act.Actor, r *report.Reader) error {
				n, err := actor.SetBatchPriority(ctx, args[0], priority, a.order())
				if err != nil {
					return meant.Batch(ctx, r, args[0], err)
				}
				done := result{Action: "set_batch_priority", Batch: &args[0], Jobs: &n, Done: n > 0}
				if n == 0 {
					return a.say(std, done, "Nothing to do: no waiting job of %s has another priority.", args[0])
				}
				return a.say(std, done, "%s of %s moved to priority %d.", listing.Plural(n, "waiting job"), args[0], priority)
			})
		},
	}
	a.flags(cmd)
	return cmd
}
