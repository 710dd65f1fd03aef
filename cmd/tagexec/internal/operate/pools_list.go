package operate

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
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
				list.Say("%s", aboutPools(pools))
				return list.All(pools)
			})
		},
	}
	o.Flags(cmd)
	return cmd
}

// aboutPools names the pools that hold up jobs.
func aboutPools(pools []report.Pool) string {
	var found []string
	for _, p := range pools {
		switch {
		case p.Paused:
			found = append(found, fmt.Sprintf("%s is paused and %s due in it", p.Pool, areJobs(p.Due)))
		case p.Slots != nil && p.Used >= *p.Slots && p.Due > 0:
			found = append(found, fmt.Sprintf("%s is full and %s due in it", p.Pool, areJobs(p.Due)))
		}
	}
	if len(found) == 0 {
		return listing.Plural(len(pools), "pool") + "; none is paused, and none is full while jobs wait."
	}
	return strings.Join(found, "; ") + "."
}

func areJobs(n int) string {
	if n == 1 {
		return "1 job is"
	}
	return listing.Capped(n, 100_000) + " jobs are"
}
