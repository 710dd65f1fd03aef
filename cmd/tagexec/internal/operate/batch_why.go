package operate

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/cmd/internal/tell"
	"github.com/tagexec/tagexec/store/report"
)

var waitsLayout = listing.Layout{
	Table: []string{"jobs", "wait_for", "example"},
	Name:  "example_job_id",
}

// waitRow is a cause as people read it, beside what it is made of.
type waitRow struct {
	report.Wait
	WaitFor string `json:"wait_for"`
	Example string `json:"example"`
}

func batchWhy(std cli.Streams) *cobra.Command {
	var o listing.Options
	cmd := &cobra.Command{
		Use:   "why BATCH",
		Short: "Say what the unfinished jobs of a batch wait for, by cause, and what would help",
		Example: "  tagexec batch why nightly:2026-11-22\n" +
			"  tagexec batch why nightly:2026-11-22 -o json | jq '.[0].detail'\n" +
			"  tagexec jobs explain 98123    # of one job",
		Args:              oneArgument(aBatch),
		ValidArgsFunction: completeArgument(completeBatches, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := listing.New[waitRow](std, &o, waitsLayout)
			if err != nil {
				return err
			}
			return withBatch(cmd, list.Look, args[0], func(ctx context.Context, r *report.Reader) error {
				waits, err := r.Waits(ctx, args[0])
				if err != nil {
					return err
				}
				b, err := r.Batch(ctx, args[0])
				if err != nil {
					return err
				}
				list.Say("%s", tell.Waits(list.Look, b, waits))
				rows := make([]waitRow, len(waits))
				for i, w := range waits {
					rows[i] = waitRow{w, tell.WaitFor(w), fmt.Sprintf("%d %s", w.ExampleJobID, maybe(w.ExampleTag))}
				}
				if err := list.All(rows); err != nil || !list.ForPeople() || o.NoHeader || b.Settled() {
					return err
				}
				end, err := endOfBatch(ctx, r, list.Look, b.Batch)
				if err != nil {
					return err
				}
				list.Print("end: %s", end.sentence)
				for _, remedy := range remedies(b, waits, end) {
					list.Print("try: %s%s", remedy, end.after(remedy))
				}
				return nil
			})
		},
	}
	o.Flags(cmd)
	return cmd
}

// remedies are commands that would help, each once, with why. More slots of a pool help
// only if it is the pool that binds the batch, as far as that is known.
func remedies(b report.BatchDetail, waits []report.Wait, end ending) []string {
	var list []string
	add := func(format string, args ...any) {
		if text := fmt.Sprintf(format, args...); !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	for _, w := range waits {
		pool, batch := cli.ShellWord(maybe(w.Pool)), cli.ShellWord(b.Batch)
		switch w.Reason {
		case "pool_paused":
			add("tagexec pools resume %s", pool)
		case "pool_full", "too_wide", "behind_wide_job":
			if w.Slots != nil && (w.Reason == "too_wide" || !end.known || end.remedy != "") {
				add("tagexec pools set %s --slots %d", pool, *w.Slots+max(1, *w.Slots/2))
			}
		case "no_executor":
			add("tagexec serve    # one that takes kind %s and pool %s", maybe(w.Kind), maybe(w.Pool))
		case "unavailable":
			add("tagexec executors list -o wide    # what each cannot use, and since when")
		case "no_pool":
			add("tagexec pools create %s --slots 8", pool)
		case "mutex_key":
			add("tagexec jobs explain %d", w.ExampleJobID)
		case "retry_delay":
			add("tagexec jobs retry --batch %s --state pending    # now, without the rest of the delay", batch)
		case "executor_silent":
			add("tagexec executors list")
		}
		if w.Reason == "turn" && end.workers != "" {
			add("tagexec serve    # another executor: %s", end.workers)
		}
		if w.Ahead != nil && *w.Ahead > 0 {
			add("tagexec batch priority %s 9    # before the jobs of others", batch)
		}
	}
	if b.Failed > 0 {
		add("tagexec batch status %s    # why %s failed", cli.ShellWord(b.Batch), listing.Plural(b.Failed, "job"))
	}
	return list
}
