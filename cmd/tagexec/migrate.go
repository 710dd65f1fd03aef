package main

import (
	"context"
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/migrations"
)

func migrateCommand(std stdio) *cobra.Command {
	parent := &cobra.Command{
		Use:   "migrate",
		Short: "Create, update or remove the schema tagexec in the database",
		RunE: func(cmd *cobra.Command, args []string) error {
			return usagef("migrate needs one of up, down, status")
		},
	}
	var all bool
	down := &cobra.Command{
		Use:   "down",
		Short: "Take back the latest migration; what its tables hold is lost",
		Args:  noArgs,
		RunE: withDatabase(func(ctx context.Context, c config) error {
			files, err := migrations.Down(ctx, c.DatabaseURL, all)
			return report(std, "took back", files, err)
		}),
	}
	down.Flags().BoolVar(&all, "all", false, "take back every migration")
	parent.AddCommand(&cobra.Command{
		Use:   "up",
		Short: "Apply what is missing; harmless to repeat, and from several hosts at once",
		Args:  noArgs,
		RunE: withDatabase(func(ctx context.Context, c config) error {
			files, err := migrations.Up(ctx, c.DatabaseURL, func(notice string) { fmt.Fprintln(std.err, "notice: "+notice) })
			return report(std, "applied", files, err)
		}),
	}, down, &cobra.Command{
		Use:   "status",
		Short: "List the migrations and when they were applied",
		Args:  noArgs,
		RunE: withDatabase(func(ctx context.Context, c config) error {
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
			_, err = fmt.Fprintln(std.out, t.Render())
			return err
		}),
	})
	return parent
}

// withDatabase reads the configuration for a command that needs a database.
func withDatabase(do func(context.Context, config) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		c, err := loadConfig()
		if err == nil {
			err = c.requireDatabase()
		}
		if err != nil {
			return err
		}
		return do(cmd.Context(), c)
	}
}

// report says which migrations were touched, also those before an error.
func report(std stdio, verb string, files []string, err error) error {
	for _, f := range files {
		fmt.Fprintln(std.out, verb, f)
	}
	if err == nil && len(files) == 0 {
		fmt.Fprintln(std.out, "nothing to do")
	}
	return err
}
