package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/tagexec/internal/demo"
)

// summarise prints what happened, and returns how many jobs did not succeed.
func (d *demonstration) summarise(ctx context.Context) (failed int64, err error) {
	err = withConn(ctx, d.config.DatabaseURL, func(conn *pgx.Conn) error {
		failed, err = d.printSummary(ctx, conn)
		return err
	})
	return failed, err
}

func (d *demonstration) printSummary(ctx context.Context, conn *pgx.Conn) (failed int64, err error) {
	states, err := demo.StateCounts(ctx, conn)
	if err != nil {
		return 0, err
	}
	totals, err := demo.RunTotals(ctx, conn)
	if err != nil {
		return 0, err
	}
	retried, err := demo.RetriedAttempts(ctx, conn)
	if err != nil {
		return 0, err
	}
	peaks, err := demo.Peaks(ctx, conn)
	if err != nil {
		return 0, err
	}
	dates := demo.BizDates()
	last := dates[len(dates)-1]
	tags, err := demo.TagCounts(ctx, conn, last)
	if err != nil {
		return 0, err
	}

	out := d.std.Out
	var list []string
	for _, s := range states {
		list = append(list, fmt.Sprintf("%d %s", s.Jobs, s.State))
		if s.State != "succeeded" {
			failed += s.Jobs
		}
	}
	jobTime := time.Duration(totals.RunSeconds * float64(time.Second))
	fmt.Fprintf(out, "\njobs         %s, in %d attempts\n", strings.Join(list, ", "), totals.Attempts)
	fmt.Fprintf(out, "time         %s on the wall for %s of job time, ratio %.1f\n",
		d.took.Round(10*time.Millisecond), jobTime.Round(10*time.Millisecond), jobTime.Seconds()/d.took.Seconds())
	for _, p := range peaks {
		fmt.Fprintf(out, "limit        %s: at most %d of %d in use at a time, by %d jobs\n", p.Limit, p.Most, p.Allowed, p.Jobs)
	}
	for _, a := range retried {
		fmt.Fprintf(out, "retry        %s of %s, attempt %d: %s", a.Tag, a.BizDate.Format(time.DateOnly), a.Attempt, a.Outcome)
		if a.Error != nil {
			fmt.Fprintf(out, " (%s)", cli.Printable(*a.Error))
		}
		fmt.Fprintln(out)
	}

	t := table.NewWriter()
	t.SetTitle("Customers per tag on " + last)
	t.AppendHeader(table.Row{"tag", "customers", "share", "entered", "departed"})
	for _, c := range tags {
		t.AppendRow(table.Row{c.Tag, c.Customers, fmt.Sprintf("%.1f %%", 100*c.Share), orBlank(c.Entered), orBlank(c.Departed)})
	}
	numbers := make([]table.ColumnConfig, 4)
	for i := range numbers {
		numbers[i] = table.ColumnConfig{Number: i + 2, Align: text.AlignRight, AlignHeader: text.AlignRight}
	}
	t.SetColumnConfigs(numbers)
	t.SetStyle(table.StyleLight)
	fmt.Fprintf(out, "\n%s\n", t.Render())
	return failed, nil
}

// orBlank shows a number that may be missing.
func orBlank(n *int64) any {
	if n == nil {
		return ""
	}
	return *n
}
