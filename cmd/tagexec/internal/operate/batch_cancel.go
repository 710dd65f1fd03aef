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

func batchCancel(std cli.Streams) *cobra.Command {
	var a acting
	cmd := &cobra.Command{
		Use:   "cancel BATCH",
		Short: "Cancel what is left of a batch",
		Long: "cancel ends what waits of a batch at once, and what runs within seconds. It is on record, with --reason.\n" +
			"Members of tagexec_operator and tagexec_producer may do it.",
		Example: "  tagexec batch cancel nightly:2026-11-22 --reason 'wrong date'\n" +
			"  tagexec batch cancel nightly:2026-11-22 -o json\n" +
			"  tagexec batch retry nightly:2026-11-22    # takes it back",
		Args:              oneArgument(aBatch),
		ValidArgsFunction: completeArgument(completeBatches, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.run(cmd, std, func(ctx context.Context, actor *act.Actor, r *report.Reader) error {
				if _, err := r.Batch(ctx, args[0]); err != nil { // the function takes any key
					return meant.Batch(ctx, r, args[0], err)
				}
				n, err := actor.CancelBatch(ctx, args[0], a.order())
				if err != nil {
					return meant.Batch(ctx, r, args[0], err)
				}
				done := result{Action: "cancel_batch", Batch: &args[0], Jobs: &n, Done: n > 0}
				if n == 0 {
					return a.say(std, done, "Nothing to do: no job of %s waits or runs.", args[0])
				}
				return a.say(std, done, "%s of %s cancelled, or asked to stop.", listing.Plural(n, "job"), args[0])
			})
		},
	}
	a.flags(cmd)
	return cmd
}
