package operate

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

var actionsLayout = listing.Layout{
	Table: []string{"at", "by", "action", "on", "reason"},
	Wide:  []string{"id", "ui_user", "bulk_id", "filter", "before", "after"},
	Name:  "id",
}

// recorded is an action; embedded under its own name it would hide its field Action.
type recorded report.Action

// actionRow is an action with what it was done to as people read it.
type actionRow struct {
	recorded
	On string `json:"on"`
}

func actionRows(list []report.Action) []actionRow {
	rows := make([]actionRow, len(list))
	for i, action := range list {
		rows[i] = actionRow{recorded(action), doneTo(action)}
	}
	return rows
}

func doneTo(a report.Action) string {
	switch {
	case a.JobID != nil:
		return fmt.Sprintf("job %d", *a.JobID)
	case len(a.JobIDs) == 1:
		return fmt.Sprintf("job %d", a.JobIDs[0])
	case len(a.JobIDs) > 0:
		return listing.Plural(len(a.JobIDs), "job")
	case a.Batch != nil:
		return "batch " + *a.Batch
	case a.Pool != nil:
		return "pool " + *a.Pool
	case a.ExecutorID != nil:
		return "executor " + *a.ExecutorID
	}
	return ""
}

func actionsList(std cli.Streams) *cobra.Command {
	var (
		o      listing.Options
		filter report.ActionFilter
		limit  int
		all    bool
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List who cancelled, retried or changed what, and why, the latest first",
		Example: "  tagexec actions list\n" +
			"  tagexec actions list --job 42 -o wide\n" +
			"  tagexec actions list --all -o csv > actions.csv",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 {
				return cli.Usagef("--limit is %d: must be at least 1", limit)
			}
			list, err := listing.New[actionRow](std, &o, actionsLayout)
			if err != nil {
				return err
			}
			return withReader(cmd, list.Look, func(ctx context.Context, r *report.Reader) error {
				if all {
					return allActions(ctx, r, filter, list)
				}
				actions, err := r.Actions(ctx, filter, 0, limit)
				if err != nil {
					return err
				}
				list.Say("%s", aboutActions(len(actions), limit))
				return list.All(actionRows(actions))
			})
		},
	}
	o.Flags(cmd)
	cmd.Flags().Int64Var(&filter.Job, "job", 0, "actions on this job, also among others")
	cmd.Flags().StringVar(&filter.Batch, "batch", "", "actions on this batch")
	completeFlag(cmd, "job", completeJobs)
	completeFlag(cmd, "batch", completeBatches)
	cmd.Flags().IntVar(&limit, "limit", 50, "most actions to show")
	cmd.Flags().BoolVar(&all, "all", false, "show all, however long that takes")
	cmd.MarkFlagsMutuallyExclusive("all", "limit")
	return cmd
}

func allActions(ctx context.Context, r *report.Reader, f report.ActionFilter, list *listing.List[actionRow]) error {
	for before := int64(0); ; {
		page, err := r.Within(patience).Actions(ctx, f, before, allPage)
		if err != nil {
			return err
		}
		if err := list.Page(actionRows(page)); err != nil {
			return err
		}
		if len(page) < allPage {
			return list.End()
		}
		before = page[len(page)-1].ID
	}
}

func aboutActions(n, limit int) string {
	switch {
	case n == 0:
		return "No action matches."
	case n == limit:
		return "The latest " + listing.Plural(n, "action") + "; --limit or --all shows more."
	}
	return listing.Plural(n, "action") + ", the latest first."
}
