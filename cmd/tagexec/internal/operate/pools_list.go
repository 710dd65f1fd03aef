package operate

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/cmd/internal/tell"
	"github.com/tagexec/tagexec/store/report"
)

var poolsLayout = listing.Layout{
	Table: []string{"pool", "slots", "used", "due", "pending", "oldest_due_seconds", "paused", "description"},
	Name:  "pool",
}

func poolsList(std cli.Streams) *cobra.Command {
	var o listing.Options
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List pools: their slots, what is used, what waits",
		Example: "  tagexec pools list\n" +
			"  tagexec pools list -o json\n" +
			"  tagexec jobs list --state running --pool warehouse    # who holds its slots",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := listing.New[report.Pool](std, &o, poolsLayout)
			if err != nil {
				return err
			}
			return withReader(cmd, list.Look, func(ctx context.Context, r *report.Reader) error {
				pools, err := r.Pools(ctx)
				if err != nil {
					return err
				}
				list.Say("%s", tell.Pools(pools))
				return list.All(pools)
			})
		},
	}
	o.Flags(cmd)
	return cmd
}
