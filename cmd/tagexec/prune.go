package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/cmd/internal/serve"
	"github.com/tagexec/tagexec/store"
)

func pruneCommand(std cli.Streams) *cobra.Command {
	var age, attemptsAge, actionsAge time.Duration
	var asked, attemptsAsked, actionsAsked *pflag.Flag
	cmd := &cobra.Command{
		Use:   "prune --older-than D [--attempts-older-than D2]",
		Short: "Delete jobs that finished longer ago than D, with their attempts, batches without jobs and ended executors",
		Args:  cli.NoArgs,
		RunE: withDatabase(func(ctx context.Context, c config.Config) error {
			switch {
			case asked.Changed && age <= 0:
				return cli.Usagef("--older-than is %s: must be more than 0", asked.Value)
			case attemptsAsked.Changed && attemptsAge < age:
				return cli.Usagef("--attempts-older-than is %s: must be at least --older-than, which is %s; attempts go no sooner than their jobs, which show them", attemptsAsked.Value, asked.Value)
			case actionsAsked.Changed && actionsAge <= 0:
				return cli.Usagef("--actions-older-than is %s: must be more than 0", actionsAsked.Value)
			case age <= 0:
				return cli.Usagef("--older-than is missing: a duration such as 90d or 12h")
			}
			st, err := serve.OpenStore(ctx, c)
			if err != nil {
				return err
			}
			defer st.Close()
			var done struct {
				store.Pruned
				Actions *int64 `json:"actions,omitempty"`
			}
			if done.Pruned, err = st.Prune(ctx, age, max(age, attemptsAge)); err != nil {
				return err
			}
			if actionsAsked.Changed {
				n, err := st.PruneActions(ctx, actionsAge)
				if err != nil {
					return err
				}
				done.Actions = &n
			}
			return printJSON(std.Out, done)
		}),
	}
	cli.DurationVar(cmd.Flags(), &age, "older-than", 0, "age since the job finished, e.g. 90d")
	cli.DurationVar(cmd.Flags(), &actionsAge, "actions-older-than", 0, "delete from the record of operator actions too what is older, e.g. 730d")
	cli.DurationVar(cmd.Flags(), &attemptsAge, "attempts-older-than", 0, "keep the attempts of jobs that are deleted until they are so old (default with their jobs)")
	attemptsAsked = cmd.Flags().Lookup("attempts-older-than")
	asked, actionsAsked = cmd.Flags().Lookup("older-than"), cmd.Flags().Lookup("actions-older-than")
	return cmd
}
