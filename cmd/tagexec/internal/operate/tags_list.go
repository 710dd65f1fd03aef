package operate

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

var tagsLayout = listing.Layout{
	Table: []string{"tag", "biz_date", "succeeded_at", "p50_run_seconds", "attempts", "failures", "last_outcome", "last_error"},
	Wide:  []string{"last_finished_at", "last_error_code"},
	Name:  "tag",
}

func tagsList(std cli.Streams) *cobra.Command {
	var (
		o     listing.Options
		limit int
		after string
		all   bool
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List tags by name: last success, business date, and how the latest 30 attempts did",
		Long: "list shows tags of which a job has ended. attempts, failures and the median run time are those of the\n" +
			"latest 30 attempts of each.",
		Example: "  tagexec tags list\n" +
			"  tagexec tags list --after high_value --limit 100\n" +
			"  tagexec tags list --all -o csv > tags.csv",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > 500 {
				return cli.Usagef("--limit is %d: must be from 1 to 500", limit)
			}
			list, err := listing.New[report.Tag](std, &o, tagsLayout)
			if err != nil {
				return err
			}
			return withReader(cmd, list.Look, func(ctx context.Context, r *report.Reader) error {
				if all {
					return allTags(ctx, r.Within(patience), after, list)
				}
				tags, err := r.Tags(ctx, after, limit)
				if err != nil {
					return err
				}
				list.Say("%s", aboutTags(len(tags), limit))
				return list.All(tags)
			})
		},
	}
	o.Flags(cmd)
	cmd.Flags().IntVar(&limit, "limit", 50, "most tags to show")
	cmd.Flags().StringVar(&after, "after", "", "begin after this tag")
	cmd.Flags().BoolVar(&all, "all", false, "show all, however long that takes")
	cmd.MarkFlagsMutuallyExclusive("all", "limit")
	completeFlag(cmd, "after", completeTags)
	return cmd
}

func allTags(ctx context.Context, r *report.Reader, after string, list *listing.List[report.Tag]) error {
	const page = 100
	for {
		tags, err := r.Tags(ctx, after, page)
		if err != nil {
			return err
		}
		if err := list.Page(tags); err != nil {
			return err
		}
		if len(tags) < page {
			return list.End()
		}
		after = tags[len(tags)-1].Tag
	}
}

func aboutTags(n, limit int) string {
	switch {
	case n == 0:
		return "No tag has ended jobs."
	case n == limit:
		return "The first " + listing.Plural(n, "tag") + " by name; --after, --limit or --all shows more."
	}
	return listing.Plural(n, "tag") + " by name."
}
