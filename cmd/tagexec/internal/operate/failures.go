package operate

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

var failuresLayout = listing.Layout{
	Table: []string{"attempts", "jobs", "outcome", "error_code", "tag", "pool", "last_at", "last_error"},
	Wide:  []string{"day"},
	Name:  "tag",
}

func failuresCommand(std cli.Streams) *cobra.Command {
	var (
		o     listing.Options
		day   string
		limit int
	)
	cmd := &cobra.Command{
		Use:   "failures",
		Short: "List why attempts of a day failed, the most frequent reason first",
		Long: "failures counts the attempts of one day that failed, timed out or were lost, by tag, pool and error. Those\n" +
			"that went well at a later attempt are among them. It reads all attempts of that day.",
		Example: "  tagexec failures\n" +
			"  tagexec failures --day yesterday\n" +
			"  tagexec failures --day 2026-11-22 --tz Europe/Berlin -o csv",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 {
				return cli.Usagef("--limit is %d: must be at least 1", limit)
			}
			list, err := listing.New[report.Failure](std, &o, failuresLayout)
			if err != nil {
				return err
			}
			date, err := readDay(day, list.Now().In(list.Zone))
			if err != nil {
				return err
			}
			return withReader(cmd, list.Look, func(ctx context.Context, r *report.Reader) error {
				failures, err := r.Within(patience).Failures(ctx, date, limit)
				if err != nil {
					return err
				}
				list.Say("%s", aboutFailures(date, failures, limit))
				return list.All(failures)
			})
		},
	}
	o.Flags(cmd)
	cmd.Flags().StringVar(&day, "day", "today", "the day: 2026-11-22, today or yesterday")
	cmd.Flags().IntVar(&limit, "limit", 50, "most reasons to show")
	_ = cmd.RegisterFlagCompletionFunc("day", cobra.FixedCompletions([]string{"today", "yesterday"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// readDay reads a day, such as 2026-11-22.
func readDay(text string, now time.Time) (string, error) {
	switch text {
	case "today":
		return now.Format(time.DateOnly), nil
	case "yesterday":
		return now.AddDate(0, 0, -1).Format(time.DateOnly), nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return "", cli.Usagef("--day is %q: must be a day such as 2026-11-22, or today or yesterday", text)
	}
	return day.Format(time.DateOnly), nil
}

func aboutFailures(day string, list []report.Failure, limit int) string {
	attempts := int64(0)
	for _, f := range list {
		attempts += f.Attempts
	}
	switch n := len(list); {
	case n == 0:
		return fmt.Sprintf("No attempt failed on %s.", day)
	case n == limit:
		return fmt.Sprintf("The %s most frequent reasons of %s; --limit shows more.", listing.Thousands(n), day)
	default:
		return fmt.Sprintf("%s failed on %s, for %s.", listing.Plural(int(attempts), "attempt"), day, listing.Plural(n, "reason"))
	}
}
