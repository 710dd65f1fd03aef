package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// stdio are the streams of one call: results go to out, everything else to err.
type stdio struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// tagexec runs one command line and returns its exit code.
func tagexec(ctx context.Context, args []string, std stdio) int {
	root := &cobra.Command{
		Use:   "tagexec",
		Short: "Runs tag jobs from a Postgres table",
		Long: "tagexec claims rows of tagexec.tag_jobs, runs them in a fixed pool of goroutines\n" +
			"under concurrency limits, and writes the results back.\n\n" +
			"Begin with `tagexec demo`: it needs no database and no configuration.",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	began := false
	root.PersistentPreRun = func(*cobra.Command, []string) { began = true }
	root.SetArgs(args)
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		demoCommand(std), standaloneCommand(std), serveCommand(std), runCommand(std), submitCommand(std),
		migrateCommand(std), pruneCommand(std), doctorCommand(std), versionCommand(std), benchCommand(std), configTopic(std),
	)
	err := root.ExecuteContext(ctx)
	if err != nil && !errors.Is(err, errSilent) {
		fmt.Fprintln(std.err, "tagexec: "+err.Error())
	}
	if !began && err != nil {
		return exitUsage // cobra's own errors: an unknown command or flag
	}
	return exitCode(err)
}

// noArgs refuses positional arguments with a message that names them.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no argument, got %q; options begin with --", cmd.CommandPath(), args[0])
	}
	return nil
}
