package main

import (
	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/tagexec/bench"
)

func benchCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure the queue, or try to break it",
		Long: "Each scenario runs in turns against what it is compared with, every run on a freshly filled queue and in\n" +
			"processes of its own, and tells rates, ratios and what a job costs. How fast it is never decides the exit code.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef("name a scenario: see `tagexec bench --help`")
		},
	}
	for _, s := range bench.Scenarios {
		cmd.AddCommand(benchScenarioCommand(std, s))
	}
	cmd.AddCommand(benchGrowthCommand(std), benchChaosCommand(std), benchWorkerCommand(std))
	return cmd
}

// benchFlags are common to all scenarios.
type benchFlags struct {
	database string
	json     bool
}

func (f *benchFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.database, "database", "", "URL of a database for this purpose alone; it is filled with jobs (default an embedded Postgres)")
	cmd.Flags().BoolVar(&f.json, "json", false, "print the result as one JSON object")
}

func (f *benchFlags) check() error {
	if f.database != "" && !urlWorks(f.database) {
		return usagef("--database is no Postgres URL: must look like postgres://user:password@host:5432/name")
	}
	return nil
}

// benchWorkerCommand is a process of a scenario, which starts it.
func benchWorkerCommand(std stdio) *cobra.Command {
	return &cobra.Command{
		Use: "worker", Hidden: true, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return bench.Work(cmd.Context(), std.in, std.out) },
	}
}
