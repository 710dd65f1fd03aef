package operate

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/cmd/internal/meant"
	"github.com/tagexec/tagexec/cmd/internal/tell"
	"github.com/tagexec/tagexec/store/report"
)

func tagsShow(std cli.Streams) *cobra.Command {
	var (
		o    listing.Options
		days int
		all  bool
	)
	cmd := &cobra.Command{
		Use:   "show TAG",
		Short: "Show how a tag did, in a sentence and by day",
		Long: "show looks at the attempts of the last 30 days, or of --days N, at most the latest 1,500,\n" +
			"or with --all 20,000: each of them is read from another place of the disk.",
		Example: "  tagexec tags show high_value\n" +
			"  tagexec tags show high_value --days 90\n" +
			"  tagexec tags show high_value -o json | jq '.days[].p95_run_seconds'",
		Args:              oneArgument(aTag),
		ValidArgsFunction: completeArgument(completeTags, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			if days < 1 || days > 3650 {
				return cli.Usagef("--days is %d: must be from 1 to 3650", days)
			}
			look, err := o.Look(std)
			if err != nil {
				return err
			}
			return withReader(cmd, look, func(ctx context.Context, r *report.Reader) error {
				now := look.Now().In(look.Zone)
				since := time.Date(now.Year(), now.Month(), now.Day()-days+1, 0, 0, 0, 0, look.Zone)
				most := report.TagAttempts
				if all {
					r, most = r.Within(patience), report.TagAttemptsFurther
				}
				h, err := r.TagHistory(ctx, args[0], since, now, most)
				if err == nil && h.Attempts == 0 {
					err = wasThere(ctx, r, args[0])
				}
				if err != nil {
					return err
				}
				look, people, err := listing.Document(std, &o, h, "tag")
				if err != nil || !people {
					return err
				}
				return printTag(look, h, days, most)
			})
		},
	}
	o.Flags(cmd)
	cmd.Flags().IntVar(&days, "days", 30, "days to look back, today included")
	cmd.Flags().BoolVar(&all, "all", false, "look at the latest 20,000 attempts, which may take seconds")
	return cmd
}

// wasThere returns the error of a tag without any attempt: it is mistyped, or new.
func wasThere(ctx context.Context, r *report.Reader, tag string) error {
	runs, err := r.TagRuns(ctx, tag, 1)
	if err == nil && len(runs) == 0 {
		err = meant.Tag(ctx, r, tag)
	}
	return err
}

func printTag(l *listing.Look, h report.TagHistory, days, most int) error {
	if h.Attempts == 0 {
		l.Say("No job of %s has ended in the last %s.", h.Tag, listing.Plural(days, "day"))
		return nil
	}
	l.Say("%s", tell.Tag(h.TagSummary, days))
	if h.Capped {
		l.Print("Only the latest %s attempts are counted.", listing.Thousands(most))
	}
	if h.SucceededAt != nil {
		l.Print("last success: %s", moment(l, h.SucceededAt))
	}
	l.Print("")
	return listing.Rows(l, []string{"day", "attempts", "failures", "p50_run_seconds", "p95_run_seconds", "p95_queue_wait_seconds", "rows_affected", "slot_seconds"}, h.Days)
}
