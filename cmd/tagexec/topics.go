package main

import (
	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/config"
)

// configTopic is `tagexec help config`.
func configTopic() *cobra.Command {
	return &cobra.Command{Use: "config", Short: "Environment variables, with defaults and meaning", Long: config.Help()}
}

// exitCodesTopic is `tagexec help exit-codes`.
func exitCodesTopic() *cobra.Command {
	return &cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: "" +
		"  0    all is well: the jobs succeeded, the question is answered, also if nothing was found\n" +
		"  1    a job failed or was cancelled (run, submit --wait, batch wait), or doctor found something\n" +
		"  2    wrong usage or configuration, an unknown job or batch, or the login may not: the message names the role that may\n" +
		"  3    the database is out of reach\n" +
		"  4    --timeout was reached\n" +
		"  130  ended by SIGINT (Ctrl-C)\n" +
		"  143  ended by SIGTERM\n\n" +
		"Results go to stdout, everything else to stderr."}
}
