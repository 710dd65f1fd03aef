package operate

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
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
				list.Say("%s", aboutExecutors(executors))
				return list.All(executors)
			})
		},
	}
	o.Flags(cmd)
	cmd.Flags().BoolVar(&ended, "ended", false, "also those that have ended, the latest 1,000")
	return cmd
}

func aboutExecutors(list []report.Executor) string {
	var alive, silent, busy, workers int
	for _, e := range list {
		switch {
		case e.Alive:
			alive, busy, workers = alive+1, busy+e.Running, workers+e.Workers
		case e.StoppedAt == nil && e.ReapedAt == nil:
			silent++
		}
	}
	if alive == 0 {
		return "No executor lives: start one with `tagexec serve`."
	}
	sentence := fmt.Sprintf("%s live, %s of %s busy", listing.Plural(alive, "executor"), listing.Thousands(busy), listing.Plural(workers, "worker"))
	if alive == 1 {
		sentence = fmt.Sprintf("1 executor lives, %s of %s busy", listing.Thousands(busy), listing.Plural(workers, "worker"))
	}
	if silent > 0 {
		sentence += fmt.Sprintf("; nothing is heard of %d", silent)
	}
	return sentence + "."
}
