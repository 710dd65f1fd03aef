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

var batchesLayout = listing.Layout{
	Table: []string{"batch", "due_at", "pending", "running", "succeeded", "failed", "cancelled"},
	Wide:  []string{"created_at", "dag_id", "run_id", "expires_at", "created_by"},
	Name:  "batch",
}

func batchList(std cli.Streams) *cobra.Command {
	var (
		o      listing.Options
		filter report.BatchFilter
		limit  int
		all    bool
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List batches, the newest first, with their jobs by state",
		Long: "list counts the jobs of each batch in each state to 1,000: 1001 stands for more, and counts_capped says\n" +
			"so. --open and --late look among the newest 2,000 batches; --all goes on to the first.",
		Example: "  tagexec batch list --late\n" +
			"  tagexec batch list --open -o name\n" +
			"  tagexec batch list --limit 100 -o json",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > 1000 {
				return cli.Usagef("--limit is %d: must be from 1 to 1000", limit)
			}
			list, err := listing.New[report.Batch](std, &o, batchesLayout)
			if err != nil {
				return err
			}
			return withReader(cmd, list.Look, func(ctx context.Context, r *report.Reader) error {
				if all {
					return allBatches(ctx, r, filter, list)
				}
				page, err := r.Batches(ctx, filter, nil, limit)
				if err != nil {
					return err
				}
				about := aboutBatches(filter, page)
				if filter.Late && len(page.Batches) == 0 && list.ForPeople() {
					if about, err = noneLate(ctx, r, list.Look); err != nil {
						return err
					}
				}
				list.Say("%s", about)
				return list.All(page.Batches)
			})
		},
	}
	o.Flags(cmd)
	cmd.Flags().BoolVar(&filter.Open, "open", false, "only batches with jobs that wait or run")
	cmd.Flags().BoolVar(&filter.Late, "late", false, "only open batches that were due before now")
	cmd.Flags().IntVar(&limit, "limit", 20, "most batches to show")
	cmd.Flags().BoolVar(&all, "all", false, "show all that match, however long that takes")
	cmd.MarkFlagsMutuallyExclusive("all", "limit")
	return cmd
}

func allBatches(ctx context.Context, r *report.Reader, f report.BatchFilter, list *listing.List[report.Batch]) error {
	r, f.All = r.Within(patience), true
	var from *report.BatchPlace
	for {
		page, err := r.Batches(ctx, f, from, 100)
		if err != nil {
			return err
		}
		if err := list.Page(page.Batches); err != nil {
			return err
		}
		if from = page.Next; from == nil {
			return list.End()
		}
	}
}

// noneLate says what is open where nothing is late.
func noneLate(ctx context.Context, r *report.Reader, l *listing.Look) (string, error) {
	page, err := r.Batches(ctx, report.BatchFilter{Open: true}, nil, 100)
	if err != nil {
		return "", err
	}
	var next *time.Time
	for _, b := range page.Batches {
		if b.DueAt != nil && (next == nil || b.DueAt.Before(*next)) {
			next = b.DueAt
		}
	}
	open, due := fmt.Sprintf("%d are open", len(page.Batches)), "none has a time at which it is due"
	if next != nil {
		due = "the next is due at " + l.Clock(*next)
	}
	switch {
	case len(page.Batches) == 0:
		return "No batch is late, and none is open.", nil
	case page.Next != nil: // which of all is due next is not known
		return fmt.Sprintf("No batch is late: %d or more are open.", len(page.Batches)), nil
	case len(page.Batches) == 1:
		open = "1 is open"
	}
	return fmt.Sprintf("No batch is late: %s; %s.", open, due), nil
}

func aboutBatches(f report.BatchFilter, page report.BatchPage) string {
	what := ""
	switch {
	case f.Late:
		what = "late "
	case f.Open:
		what = "open "
	}
	switch n := len(page.Batches); {
	case n == 0 && what != "":
		return "No batch is " + what[:len(what)-1] + "."
	case n == 0:
		return "There is no batch."
	case page.Next != nil:
		return "The newest " + listing.Plural(n, what+"batch") + "; --limit or --all shows more."
	default:
		return listing.Plural(n, what+"batch") + ", the newest first."
	}
}
