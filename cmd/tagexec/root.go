package main

import (
	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/serve"
	"github.com/tagexec/tagexec/cmd/tagexec/internal/operate"
	"github.com/tagexec/tagexec/cmd/tagexec/internal/top"
)

// root is the command without a subcommand: it prints the help.
func root(std cli.Streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "tagexec",
		Short: "Runs tag jobs from a Postgres table",
		Long: "tagexec claims rows of tagexec.tag_jobs, runs them in a fixed pool of goroutines\n" +
			"under concurrency limits, and writes the results back.\n\n" +
			"Begin with `tagexec demo`: it needs no database and no configuration.",
		Version: versionLine(),
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.AddCommand(
		demoCommand(std), standaloneCommand(std), serve.Command(std), runCommand(std), submitCommand(std),
		migrateCommand(std), pruneCommand(std), doctorCommand(std), versionCommand(std), configTopic(), exitCodesTopic(),
	)
	root.AddCommand(operate.Commands(std)...)
	root.AddCommand(top.Command(std))
	return root
}
