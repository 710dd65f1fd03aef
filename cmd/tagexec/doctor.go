package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/store/doctor"
)

func doctorCommand(std cli.Streams) *cobra.Command {
	var (
		output string
		maxAge time.Duration

		sources bool
	)
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong with the queue, and say what mends it",
		Long: "doctor looks at the schema, the rights, what holds back vacuum, and at jobs,\n" +
			"pools and executors that are stuck. It changes nothing. What this login may\n" +
			"not look at is listed as unknown.\n\n" +
			"Exit codes: 0 nothing was found, 1 something was, 2 wrong usage or\nconfiguration, 3 database out of reach.",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "table" && output != "json" {
				return cli.Usagef("--output is %q: must be table or json", output)
			}
			if sources {
				c, err := config.Load()
				if err != nil {
					return err
				}
				list, err := diagnoseSources(cmd.Context(), c)
				if err != nil {
					return err
				}
				return printDiagnoses(std, list, output)
			}
			return withDatabase(func(ctx context.Context, c config.Config) error {
				list, err := doctor.Diagnose(ctx, c.DatabaseURL, maxAge)
				if err != nil {
					return err
				}
				return printDiagnoses(std, list, output)
			})(cmd, args)
		},
	}
	cmd.Flags().StringVar(&output, "output", "table", "table or json")
	cmd.Flags().BoolVar(&sources, "sources", false, "look at the sources of SQL jobs in place of the queue: does each answer, what is it, what does it guarantee")
	// Longer than any statement of ours, and short enough that claims are not yet slow.
	cli.DurationVar(cmd.Flags(), &maxAge, "snapshots-older-than", 5*time.Minute, "age from which a session or prepared transaction that holds back vacuum is a finding")
	return cmd
}

// printDiagnoses prints what was found; its error is the exit code for findings.
func printDiagnoses(std cli.Streams, list []doctor.Diagnosis, output string) (err error) {
	if output == "json" {
		encoder := json.NewEncoder(std.Out)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		err = encoder.Encode(list)
	} else {
		_, err = fmt.Fprintln(std.Out, diagnosisTable(list))
	}
	if err == nil && slices.ContainsFunc(list, func(d doctor.Diagnosis) bool { return d.Level == doctor.Finding }) {
		return cli.Exit(cli.ExitFindings)
	}
	return err
}

// Long sentences are wrapped at these widths.
const (
	detailWidth = 76
	remedyWidth = 60
)

func diagnosisTable(list []doctor.Diagnosis) string {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"", "check", "what", "remedy"})
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 3, WidthMax: detailWidth, WidthMaxEnforcer: text.WrapSoft},
		{Number: 4, WidthMax: remedyWidth, WidthMaxEnforcer: text.WrapSoft},
	})
	for _, d := range list {
		t.AppendRow(table.Row{d.Level, d.Check, cli.Printable(d.Detail), cli.Printable(d.Remedy)})
	}
	return t.Render()
}
