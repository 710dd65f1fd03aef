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
			"Begin with `tagexec demo`: it needs no database and no configuration.\n\n" +
			"  Is all well?                  tagexec top, tagexec batch list --late, tagexec doctor\n" +
			"  Why is my batch late?         tagexec batch why BATCH\n" +
			"  What failed, and why?         tagexec batch status BATCH, tagexec failures\n" +
			"  Run it again:                 tagexec jobs retry --batch BATCH --state failed\n" +
			"  How did a tag do this month?  tagexec tags show TAG",
		Version: versionLine(),
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.AddGroup(&cobra.Group{ID: runGroup, Title: "Run jobs:"}, &cobra.Group{ID: lookGroup, Title: "Look at the queue, and act on it:"})
	addTo(root, runGroup, demoCommand(std), standaloneCommand(std), serve.Command(std), runCommand(std), submitCommand(std))
	addTo(root, lookGroup, operate.Commands(std)...)
	addTo(root, lookGroup, top.Command(std), dashboardCommand(std), doctorCommand(std))
	addTo(root, "", migrateCommand(std), pruneCommand(std), versionCommand(std), configTopic(), exitCodesTopic())
	return root
}

// Groups of commands in the help.
const (
	runGroup  = "run"
	lookGroup = "look"
)

func addTo(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, cmd := range commands {
		cmd.GroupID = group
	}
	root.AddCommand(commands...)
}
