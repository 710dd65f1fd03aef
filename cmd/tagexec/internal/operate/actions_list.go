package operate

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

var actionsLayout = listing.Layout{
	Table: []string{"at", "by", "action", "job_id", "batch", "pool", "reason"},
	Wide:  []string{"id", "ui_user", "before", "after"},
	Name:  "id",
}

func actionsList(std cli.Streams) *cobra.Command {
	var (
		o     listing.Options
		limit int
		all   bool
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List who cancelled, retried or changed what, and why, the latest first",
		Example: "  tagexec actions list\n" +
			"  tagexec actions list -o wide --limit 10\n" +
			"  tagexec actions list --all -o csv > actions.csv",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 {
				return cli.Usagef("--limit is %d: must be at least 1", limit)
			}
			list, err := listing.New[report.Action](std, &o, actionsLayout)
			if err != nil {
				return err
			}
			return withReader(cmd, list.Look, func(ctx context.Context, r *report.Reader) error {
				if all {
					return allActions(ctx, r, list)
				}
				actions, err := r.Actions(ctx, 0, limit)
				if err != nil {
					return err
				}
				list.Say("%s", aboutActions(len(actions), limit))
				return list.All(actions)
			})
		},
	}
	o.Flags(cmd)
	cmd.Flags().IntVar(&limit, "limit", 50, "most actions to show")
	cmd.Flags().BoolVar(&all, "all", false, "show all, however long that takes")
	cmd.MarkFlagsMutuallyExclusive("all", "limit")
	return cmd
}

func allActions(ctx context.Context, r *report.Reader, list *listing.List[report.Action]) error {
	for before := int64(0); ; {
		page, err := r.Within(patience).Actions(ctx, before, allPage)
		if err != nil {
			return err
		}
		if err := list.Page(page); err != nil {
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
		return "Nobody did anything by hand."
	case n == limit:
		return "The latest " + plural(n, "action") + "; --limit or --all shows more."
	}
	return plural(n, "action") + ", the latest first."
}
