package operate

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/cmd/internal/meant"
	act "github.com/tagexec/tagexec/store/operate"
	"github.com/tagexec/tagexec/store/report"
)

var whiches = []string{"failed", "all"}

func batchRetry(std cli.Streams) *cobra.Command {
	var (
		a     acting
		which string
	)
	cmd := &cobra.Command{
		Use:   "retry BATCH",
		Short: "Make the failed and cancelled jobs of a batch pending again",
		Long: "retry lets the failed and cancelled jobs of a batch run again, with --which all the succeeded ones too.\n" +
			"Their attempts are kept. It is on record, with --reason. Members of tagexec_operator may do it.",
		Example: "  tagexec batch retry nightly:2026-11-22 --reason 'the table is there now'\n" +
			"  tagexec batch retry nightly:2026-11-22 --which all\n" +
			"  tagexec jobs retry --batch nightly:2026-11-22 --error 42P01    # only some",
		Args:              oneArgument(aBatch),
		ValidArgsFunction: completeArgument(completeBatches, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := cli.OneOf("which", which, whiches...); err != nil {
				return err
			}
			return a.run(cmd, std, func(ctx context.Context, actor *act.Actor, r *report.Reader) error {
				n, err := actor.RetryBatch(ctx, args[0], which, a.order())
				if err != nil {
					return meant.Batch(ctx, r, args[0], err)
				}
				done := result{Action: "retry_batch", Batch: &args[0], Jobs: &n, Done: n > 0}
				if n == 0 {
					return a.say(std, done, "Nothing to do: %s has no such job.", args[0])
				}
				return a.say(std, done, "%s of %s pending again.", listing.Plural(n, "job"), args[0])
			})
		},
	}
	a.flags(cmd)
	cmd.Flags().StringVar(&which, "which", "failed", "failed (and cancelled) jobs, or all")
	_ = cmd.RegisterFlagCompletionFunc("which", cobra.FixedCompletions(whiches, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}
