package operate

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/cmd/internal/tell"
	"github.com/tagexec/tagexec/store/report"
)

// batchStatus is what status shows: a batch, and why jobs of it failed.
type batchState struct {
	report.BatchDetail
	Causes []report.Cause `json:"causes"`
}

func batchStatus(std cli.Streams) *cobra.Command {
	var o listing.Options
	cmd := &cobra.Command{
		Use:   "status BATCH",
		Short: "Show how far a batch is, and why jobs of it failed",
		Example: "  tagexec batch status nightly:2026-11-22\n" +
			"  tagexec batch status nightly:2026-11-22 -o json | jq .failed\n" +
			"  watch -n 5 tagexec batch status nightly:2026-11-22",
		Args:              oneArgument(aBatch),
		ValidArgsFunction: completeArgument(completeBatches, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			look, err := o.Look(std)
			if err != nil {
				return err
			}
			return withBatch(cmd, look, args[0], func(ctx context.Context, r *report.Reader) error {
				b, err := r.Batch(ctx, args[0])
				if err != nil {
					return err
				}
				state := batchState{BatchDetail: b, Causes: []report.Cause{}}
				if b.Failed > 0 {
					if state.Causes, err = r.Causes(ctx, b.Batch, 10); err != nil {
						return err
					}
				}
				look, people, err := listing.Document(std, &o, state, "batch")
				if err != nil || !people {
					return err
				}
				var end ending
				if !b.Settled() {
					if end, err = endOfBatch(ctx, r, look, b.Batch); err != nil {
						return err
					}
				}
				return printBatch(look, state, end.sentence)
			})
		},
	}
	o.Flags(cmd)
	return cmd
}

func printBatch(l *listing.Look, b batchState, end string) error {
	l.Say("%s", tell.Batch(l, b.BatchDetail))
	l.Items(
		listing.Item{Name: "progress", Value: progress(b.BatchDetail)},
		listing.Item{Name: "Airflow", Value: airflow(b.DagID, b.RunID, b.TaskID)},
		listing.Item{Name: "log", Value: maybe(b.LogURL)},
		listing.Item{Name: "created", Value: fmt.Sprintf("%s by %s", moment(l, &b.CreatedAt), b.CreatedBy)},
		listing.Item{Name: "due", Value: moment(l, b.DueAt)},
		listing.Item{Name: "end", Value: end},
		listing.Item{Name: "expires", Value: moment(l, b.ExpiresAt)},
		listing.Item{Name: "cancelled", Value: strings.TrimSpace(moment(l, b.CancelRequestedAt) + " " + maybe(b.CancelReason))},
	)
	if len(b.Causes) > 0 {
		l.Print("")
		if err := listing.Rows(l, []string{"jobs", "error_code", "error", "example_job_id", "example_tag"}, b.Causes); err != nil {
			return err
		}
	}
	switch {
	case !b.Settled():
		l.Print("why it waits: tagexec batch why %s", cli.ShellWord(b.Batch))
	case b.Failed+b.Cancelled > 0:
		l.Print("try: tagexec batch retry %s    # runs what failed and was cancelled again", cli.ShellWord(b.Batch))
	}
	return nil
}

// progress draws how far a batch is, in a bar of 30, with its counts.
func progress(b report.BatchDetail) string {
	if b.Jobs == 0 {
		return ""
	}
	const width = 30
	done := b.Succeeded + b.Failed + b.Cancelled
	full := done * width / b.Jobs
	running := min(width-full, (b.Running*width+b.Jobs-1)/b.Jobs)
	bar := "[" + strings.Repeat("#", full) + strings.Repeat("=", running) + strings.Repeat(".", width-full-running) + "]"
	for _, part := range []struct {
		n    int
		what string
	}{{b.Succeeded, "ok"}, {b.Failed, "failed"}, {b.Cancelled, "cancelled"}, {b.Running, "running"}, {b.Pending, "waiting"}} {
		if part.n > 0 {
			bar += fmt.Sprintf(" %s %s", listing.Thousands(part.n), part.what)
		}
	}
	return bar
}
