package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/tagexec-bench/internal/bench"
)

func growthCommand(std cli.Streams) *cobra.Command {
	var (
		f    flags
		o    bench.Options
		most int
	)
	cmd := &cobra.Command{
		Use: "growth", Short: "How rates change with rows pending, rows finished, executors and producers",
		Long: "growth works off the same number of jobs in ever larger tables, with more executors and beside more producers.\n" +
			"The JSON becomes a picture by `go -C cmd/tagexec-bench/plot run . <growth.json >growth.svg`.",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			if most < 1 || o.Jobs < 1 || o.Workers < 1 || o.Repeat < 1 {
				return cli.Usagef("--jobs, --workers, --repeat and --rows must be at least 1")
			}
			return runScenario(cmd.Context(), std, f, o, func(ctx context.Context, o bench.Options) (fmt.Stringer, error) {
				return bench.Grow(ctx, most, o)
			})
		},
	}
	f.add(cmd)
	cmd.Flags().IntVar(&o.Jobs, "jobs", 20_000, "jobs of a run")
	cmd.Flags().IntVar(&o.Workers, "workers", 100, "jobs that run at the same time, in all executors together")
	cmd.Flags().IntVar(&o.Repeat, "repeat", 3, "runs of each point")
	cmd.Flags().IntVar(&most, "rows", 10_000_000, "most rows; the curves begin at 10,000")
	return cmd
}
