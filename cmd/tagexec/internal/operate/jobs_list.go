package operate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/cmd/internal/meant"
	"github.com/tagexec/tagexec/store/report"
)

// layoutOf is how jobs are listed: of those that wait, what decides when they start.
func layoutOf(f report.JobFilter) listing.Layout {
	table := []string{"id", "tag", "state", "batch", "started_at", "run_seconds", "error_code", "error"}
	if len(f.States) == 1 && f.States[0] == "pending" {
		table = []string{"id", "tag", "batch", "pool", "priority", "run_at", "queue_wait_seconds", "error"}
	}
	wide := []string{"state", "pool", "kind", "biz_date", "priority", "slots", "attempt", "failures", "mutex_key", "queue_wait_seconds", "created_at", "run_at",
		"started_at", "finished_at", "run_seconds", "error_code", "executor_id"}
	return listing.Layout{
		Table: table,
		Wide:  slices.DeleteFunc(wide, func(name string) bool { return slices.Contains(table, name) }),
		Name:  "id",
	}
}

const (
	// allPage is how many rows one question of --all brings.
	allPage = 1_000
	// batchPage is that for a batch, of which each question reads all jobs.
	batchPage = 100_000
)

func jobsList(std cli.Streams) *cobra.Command {
	var (
		o      listing.Options
		filter jobFilter
		limit  int
		all    bool
		follow bool
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List jobs, the newest first",
		Long: "list shows jobs as they are now. Failed jobs come by their end, the latest first; running ones by\n" +
			"their start; pending ones in the order in which they are claimed; all others by number, the newest\n" +
			"first. Where no index leads to what is asked for, it looks back through the newest 80,000 jobs and\n" +
			"says so; --all goes on to the first.",
		Example: "  tagexec jobs list --state failed --since 24h\n" +
			"  tagexec jobs list --batch nightly:2026-11-22 --state pending,running\n" +
			"  tagexec jobs list --tag high_value -o csv --all > high_value.csv",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 {
				return cli.Usagef("--limit is %d: must be at least 1", limit)
			}
			wanted, err := filter.read(time.Now())
			if err != nil {
				return err
			}
			list, err := listing.New[report.Job](std, &o, layoutOf(wanted))
			if err != nil {
				return err
			}
			return withReader(cmd, list.Look, func(ctx context.Context, r *report.Reader) error {
				switch {
				case follow:
					return followJobs(ctx, r, wanted, list)
				case all:
					return allJobs(ctx, r, wanted, list)
				}
				page, err := r.Jobs(ctx, wanted, nil, limit)
				if err != nil {
					return err
				}
				list.Say("%s", aboutPage(list.Look, wanted, page, limit))
				if len(page.Jobs) == 0 && list.ForPeople() {
					if unknown := meant.Filter(ctx, r, wanted); unknown != "" {
						list.Say("%s", unknown)
					}
				}
				if page.Looked != nil && !list.ForPeople() {
					fmt.Fprintln(std.Err, aboutPage(list.Look, wanted, page, limit))
				}
				return list.All(page.Jobs)
			})
		},
	}
	o.Flags(cmd)
	filter.flags(cmd)
	cmd.Flags().IntVar(&limit, "limit", 50, "most jobs to show")
	cmd.Flags().BoolVar(&all, "all", false, "show all that match, however long that takes")
	cmd.Flags().BoolVar(&follow, "follow", false, "go on: show jobs as they come to match, until Ctrl-C")
	cmd.MarkFlagsMutuallyExclusive("all", "follow", "limit")
	return cmd
}

// allJobs prints all jobs that match, a page at a time.
func allJobs(ctx context.Context, r *report.Reader, f report.JobFilter, list *listing.List[report.Job]) error {
	r = r.Within(patience)
	size := allPage
	if f.Batch != "" {
		size = batchPage
	}
	var from *report.Place
	for {
		page, err := r.AllJobs(ctx, f, from, size)
		if err != nil {
			return err
		}
		if err := list.Page(page.Jobs); err != nil {
			return err
		}
		if from = page.Next; from == nil {
			return list.End()
		}
	}
}

// aboutPage says what a list holds, and what it does not.
func aboutPage(look *listing.Look, f report.JobFilter, page report.JobPage, limit int) string {
	shown := len(page.Jobs)
	switch {
	case page.Looked != nil:
		return fmt.Sprintf("Looked at the newest %s, back to %s: %s. --all looks through the rest.",
			listing.Plural(page.Looked.Jobs, "job"), look.Time(page.Looked.Back), match(shown))
	case shown == 0:
		return "No job matches."
	case shown < limit:
		return fmt.Sprintf("%s, %s.", listing.Plural(shown, "job"), f.Order())
	}
	return fmt.Sprintf("The first %s, %s; --limit or --all shows more.", listing.Plural(shown, "job"), f.Order())
}

func match(n int) string {
	if n == 1 {
		return "1 matches"
	}
	return listing.Thousands(n) + " match"
}
