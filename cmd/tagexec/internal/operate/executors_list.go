package operate

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/cmd/internal/tell"
	"github.com/tagexec/tagexec/store/report"
)

var executorsLayout = listing.Layout{
	Table: []string{"id", "hostname", "pid", "alive", "running", "workers", "kinds", "pools"},
	Wide:  []string{"heartbeat_at", "version", "batch", "started_at", "stopped_at", "reaped_at", "lease_seconds", "drain_requested_at", "drain_reason", "unavailable"},
	Name:  "id",
}

// maxExecutors is how many executors are listed.
const maxExecutors = 1_000

func executorsList(std cli.Streams) *cobra.Command {
	var (
		o     listing.Options
		ended bool
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List executors: who lives, what each runs and takes",
		Example: "  tagexec executors list\n" +
			"  tagexec executors list --ended -o wide\n" +
			"  tagexec executors list -o json | jq '.[].unavailable'",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := listing.New[report.Executor](std, &o, executorsLayout)
			if err != nil {
				return err
			}
			return withReader(cmd, list.Look, func(ctx context.Context, r *report.Reader) error {
				executors, err := r.Executors(ctx, ended, maxExecutors)
				if err != nil {
					return err
				}
				list.Say("%s", tell.Executors(executors))
				return list.All(executors)
			})
		},
	}
	o.Flags(cmd)
	cmd.Flags().BoolVar(&ended, "ended", false, "also those that have ended, the latest 1,000")
	return cmd
}
