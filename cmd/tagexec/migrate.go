package main

import (
	"context"
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/migrations"
)

func migrateCommand(std cli.Streams) *cobra.Command {
	parent := &cobra.Command{
		Use:   "migrate",
		Short: "Create, update or remove the schema tagexec in the database",
		RunE: func(cmd *cobra.Command, args []string) error {
			return cli.Usagef("migrate needs one of up, down, status")
		},
	}
	notice := func(text string) { fmt.Fprintln(std.Err, cli.Printable("notice: "+text)) }
	parent.AddCommand(&cobra.Command{
		Use:   "up",
		Short: "Apply what is missing; harmless to repeat, and from several hosts at once",
		Args:  cli.NoArgs,
		RunE: withDatabase(func(ctx context.Context, c config.Config) error {
			files, err := migrations.Up(ctx, c.DatabaseURL, notice)
			return report(std, "applied", files, err)
		}),
	}, migrateDown(std, notice), &cobra.Command{
		Use:   "status",
		Short: "List the migrations and when they were applied",
		Args:  cli.NoArgs,
		RunE: withDatabase(func(ctx context.Context, c config.Config) error {
			list, err := migrations.List(ctx, c.DatabaseURL)
			if err != nil {
				return err
			}
			t := table.NewWriter()
			t.AppendHeader(table.Row{"migration", "applied"})
			for _, m := range list {
				applied := "pending"
				if !m.AppliedAt.IsZero() {
					applied = m.AppliedAt.Format("2006-01-02 15:04:05 MST")
				}
				t.AppendRow(table.Row{m.File, applied})
			}
			_, err = fmt.Fprintln(std.Out, t.Render())
			return err
		}),
	})
	return parent
}

func migrateDown(std cli.Streams, notice func(string)) *cobra.Command {
	var all, yes, force bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Take back the latest migration; what its tables hold is lost",
		Args:  cli.NoArgs,
		RunE: withDatabase(func(ctx context.Context, c config.Config) error {
			loss, err := migrations.FindLoss(ctx, c.DatabaseURL)
			if err != nil {
				return err
			}
			if err := mayLose(ctx, std, loss, all, yes, force); err != nil {
				return err
			}
			files, err := migrations.Down(ctx, c.DatabaseURL, all, notice)
			return report(std, "took back", files, err)
		}),
	}
	cmd.Flags().BoolVar(&all, "all", false, "take back every migration")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&force, "force", false, "also while executors live")
	return cmd
}

// mayLose returns nil if what is lost may be lost: nobody uses it, and somebody has
// agreed.
func mayLose(ctx context.Context, std cli.Streams, loss migrations.Loss, all, yes, force bool) error {
	if loss.Version == 0 {
		return nil
	}
	what := fmt.Sprintf("the latest migration (version %d) and what its tables hold", loss.Version)
	if all {
		what = fmt.Sprintf("the whole schema: %s jobs with their history, of which %s are pending and %d run", upTo(loss.Jobs), upTo(loss.Pending), loss.Running)
	}
	if loss.Executors != "" && !force {
		return cli.Usagef("executors live: %s. Stop them first; with --force they fail from now on, and this is lost: %s", loss.Executors, what)
	}
	if yes {
		return nil
	}
	agreed, asked, err := cli.ConfirmLoss(ctx, std, "This is lost: "+what+".")
	switch {
	case err != nil:
		return err
	case !asked:
		return cli.Usagef("this would be lost: %s. Add --yes to agree", what)
	case !agreed:
		return cli.Usagef("nothing was done: only yes agrees")
	}
	return nil
}

// upTo writes a number that was counted to a million at most.
func upTo(n int64) string {
	if n >= 1_000_000 {
		return "1,000,000 or more"
	}
	return fmt.Sprint(n)
}

// withDatabase reads the configuration for a command that needs a database.
func withDatabase(do func(context.Context, config.Config) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		c, err := config.LoadWithDatabase()
		if err != nil {
			return err
		}
		return do(cmd.Context(), c)
	}
}

// report says which migrations were touched, also those before an error.
func report(std cli.Streams, verb string, files []string, err error) error {
	for _, f := range files {
		fmt.Fprintln(std.Out, verb, f)
	}
	if err == nil && len(files) == 0 {
		fmt.Fprintln(std.Out, "nothing to do")
	}
	return err
}
