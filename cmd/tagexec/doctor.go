package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/store"
)

func doctorCommand(std stdio) *cobra.Command {
	var (
		output  string
		horizon time.Duration
	)
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong with the queue, and say what mends it",
		Long: "doctor looks at the schema, the rights, what holds back vacuum, and at jobs,\n" +
			"pools and executors that are stuck. It changes nothing. What this login may\n" +
			"not look at is listed as unknown.\n\n" +
			"Exit codes: 0 nothing was found, 1 something was, 2 wrong usage or\nconfiguration, 3 database out of reach.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "table" && output != "json" {
				return usagef("--output is %q: must be table or json", output)
			}
			return withDatabase(func(ctx context.Context, c config) error { return doctor(ctx, std, c, output, horizon) })(cmd, args)
		},
	}
	cmd.Flags().StringVar(&output, "output", "table", "table or json")
	// Longer than any statement of ours, and short enough that claims are not yet slow.
	cmd.Flags().DurationVar(&horizon, "snapshots-older-than", 5*time.Minute, "age from which a session or prepared transaction that holds back vacuum is a finding")
	return cmd
}

// gravity is the order in which diagnoses are listed.
var gravity = []string{store.LevelFinding, store.LevelUnknown, store.LevelInfo, store.LevelOK}

func doctor(ctx context.Context, std stdio, c config, output string, horizon time.Duration) error {
	ctx, stop := untilSignal(ctx)
	defer stop()
	list, err := store.Diagnose(ctx, c.DatabaseURL, horizon)
	if err != nil {
		return orSignal(ctx, fmt.Errorf("%s: %w", redacted(c.DatabaseURL), err))
	}
	slices.SortStableFunc(list, func(a, b store.Diagnosis) int {
		return cmp.Compare(slices.Index(gravity, a.Level), slices.Index(gravity, b.Level))
	})
	if output == "json" {
		encoder := json.NewEncoder(std.out)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		err = encoder.Encode(list)
	} else {
		_, err = fmt.Fprintln(std.out, diagnosisTable(list))
	}
	if err == nil && slices.ContainsFunc(list, func(d store.Diagnosis) bool { return d.Level == store.LevelFinding }) {
		return exit(exitFindings)
	}
	return err
}

// Long sentences are wrapped at these widths.
const (
	detailWidth = 76
	remedyWidth = 60
)

func diagnosisTable(list []store.Diagnosis) string {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"", "check", "what", "remedy"})
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 3, WidthMax: detailWidth, WidthMaxEnforcer: text.WrapSoft},
		{Number: 4, WidthMax: remedyWidth, WidthMaxEnforcer: text.WrapSoft},
	})
	for _, d := range list {
		t.AppendRow(table.Row{d.Level, d.Check, d.Detail, d.Remedy})
	}
	return t.Render()
}
