package main

import (
	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/tagexec-bench/internal/bench"
	"github.com/tagexec/tagexec/store/postgres"
)

// root is the command without a subcommand: it prints the help.
func root(std cli.Streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "tagexec-bench",
		Short: "Measures the queue of tagexec, and tries to break it",
		Long: "Each scenario runs in turns against what it is compared with, every run on a freshly filled queue and in\n" +
			"processes of its own, and reports rates, ratios and what a job costs. How fast it is never decides the exit code.",
	}
	for _, s := range bench.Scenarios {
		root.AddCommand(scenarioCommand(std, s))
	}
	root.AddCommand(growthCommand(std), chaosCommand(std), estimateCommand(std), workerCommand(std))
	return root
}

// workerCommand is a process of a scenario, which starts it.
func workerCommand(std cli.Streams) *cobra.Command {
	return &cobra.Command{
		Use: "worker", Hidden: true, Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return bench.Work(cmd.Context(), std.In, std.Out) },
	}
}

// flags are common to all runs.
type flags struct {
	database string
	json     bool
}

func (f *flags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.database, "database", "", "URL of a database for this purpose alone; it is filled with jobs (default an embedded Postgres)")
	cmd.Flags().BoolVar(&f.json, "json", false, "print the result as one JSON object")
}

func (f *flags) check() error {
	if f.database == "" {
		return nil
	}
	if _, err := postgres.Queue(f.database); err != nil {
		return cli.Usagef("--database: %w", err)
	}
	return nil
}
