package operate

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

func jobsExplain(std cli.Streams) *cobra.Command {
	var o listing.Options
	cmd := &cobra.Command{
		Use:   "explain ID",
		Short: "Say in one sentence why a job does not run, where it runs, or how it ended",
		Example: "  tagexec jobs explain 42\n" +
			"  tagexec jobs explain 42 -o json\n" +
			"  tagexec batch why nightly:2026-11-22    # of all jobs of a batch",
		Args:              oneArgument(aJob),
		ValidArgsFunction: completeArgument(completeJobs, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := jobNumber(args[0])
			if err != nil {
				return err
			}
			look, err := o.Look(std)
			if err != nil {
				return err
			}
			return withReader(cmd, look, func(ctx context.Context, r *report.Reader) error {
				e, err := r.Explanation(ctx, id)
				if err != nil {
					return err
				}
				look, people, err := listing.Document(std, &o, e, "id")
				if people {
					look.Say("job %d (%s): %s", e.ID, e.Tag, e.Explanation)
				}
				return err
			})
		},
	}
	o.Flags(cmd)
	return cmd
}
