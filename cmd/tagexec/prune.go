package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/cmd/internal/serve"
)

func pruneCommand(std cli.Streams) *cobra.Command {
	var age time.Duration
	var asked *pflag.Flag
	cmd := &cobra.Command{
		Use:   "prune --older-than D",
		Short: "Delete jobs that finished longer ago than D, with their attempts, and batches without jobs",
		Args:  cli.NoArgs,
		RunE: withDatabase(func(ctx context.Context, c config.Config) error {
			switch {
			case asked.Changed && age <= 0:
				return cli.Usagef("--older-than is %s: must be more than 0", asked.Value)
			case age <= 0:
				return cli.Usagef("--older-than is missing: a duration such as 90d or 12h")
			}
			st, err := serve.OpenStore(ctx, c)
			if err != nil {
				return err
			}
			defer st.Close()
			pruned, err := st.Prune(ctx, age)
			if err != nil {
				return err
			}
			return printJSON(std.Out, pruned)
		}),
	}
	cli.DurationVar(cmd.Flags(), &age, "older-than", 0, "age since the job finished, e.g. 90d")
	asked = cmd.Flags().Lookup("older-than")
	return cmd
}
