package operate

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/cmd/internal/tell"
	"github.com/tagexec/tagexec/cmd/internal/wait"
	"github.com/tagexec/tagexec/store/estimate"
	"github.com/tagexec/tagexec/store/report"
)

const (
	firstPause = 100 * time.Millisecond
	longPause  = 2 * time.Second
	// progressEvery is how often a line of progress comes off a terminal.
	progressEvery = 30 * time.Second
)

// batchWaiter waits for the end of a batch.
type batchWaiter struct {
	batch    string
	failFast bool
	bar      *cli.Progress
	look     *listing.Look
	asked    time.Time // when it was asked for the end last
	end      string    // what was said then
}

func batchWait(std cli.Streams) *cobra.Command {
	var (
		o       listing.Options
		timeout time.Duration
		w       batchWaiter
	)
	cmd := &cobra.Command{
		Use:   "wait BATCH",
		Short: "Wait until nothing of a batch waits or runs, and say how it ended",
		Long: "wait changes nothing: executors run the batch. While the database is out of reach it goes on trying.\n\n" +
			"Exit codes: 0 all jobs succeeded, 1 one failed or was cancelled, 2 wrong usage or an unknown batch,\n" +
			"3 database out of reach at the start or at the end of --timeout, 4 --timeout reached.",
		Example: "  tagexec batch wait nightly:2026-11-22 && echo all is well\n" +
			"  tagexec batch wait nightly:2026-11-22 --timeout 2h --fail-fast\n" +
			"  tagexec batch wait nightly:2026-11-22 -o json | jq .failed",
		Args:              oneArgument(aBatch),
		ValidArgsFunction: completeArgument(completeBatches, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			if timeout <= 0 && cmd.Flags().Changed("timeout") {
				return cli.Usagef("--timeout is %s: must be more than 0", timeout)
			}
			look, err := o.Look(std)
			if err != nil {
				return err
			}
			w.batch, w.look, w.bar = args[0], look, cli.NewProgress(std.Err, progressEvery, "jobs done")
			return withBatch(cmd, look, args[0], func(ctx context.Context, r *report.Reader) error {
				if timeout > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeoutCause(ctx, timeout, &cli.Error{Code: cli.ExitTimeout, Err: fmt.Errorf("batch %q is not done after %s", w.batch, timeout)})
					defer cancel()
				}
				b, err := w.untilDone(ctx, r)
				if err != nil {
					return err
				}
				look, people, err := listing.Document(std, &o, b, "batch")
				if err != nil {
					return err
				}
				if people {
					look.Say("%s", tell.Batch(look, b))
				}
				if b.Failed+b.Cancelled > 0 {
					return cli.Exit(cli.ExitJobs)
				}
				return nil
			})
		},
	}
	o.Flags(cmd)
	cli.DurationVar(cmd.Flags(), &timeout, "timeout", 0, "give up after this time, with exit code 4 (default never)")
	cmd.Flags().BoolVar(&w.failFast, "fail-fast", false, "end with exit code 1 as soon as one job failed")
	return cmd
}

// untilDone returns the batch when it is done. Once it was seen, a database that is out
// of reach is asked again.
func (w *batchWaiter) untilDone(ctx context.Context, r *report.Reader) (report.BatchDetail, error) {
	defer w.bar.End()
	seen := false
	var away error // why the database did not answer last
	for pause := firstPause; ; pause = min(pause*3/2, longPause) {
		b, err := r.Batch(ctx, w.batch)
		switch {
		case err == nil:
			seen, away = true, nil
			w.bar.Show(b.Succeeded+b.Failed+b.Cancelled, b.Jobs, fmt.Sprintf("%d running, %d failed%s", b.Running, b.Failed+b.Cancelled, w.likely(ctx, r, b)))
			if b.Settled() || w.failFast && b.Failed > 0 {
				return b, nil
			}
		case ctx.Err() != nil:
		case !seen || !report.Passing(err):
			return b, err
		default:
			away = err
		}
		if err := wait.For(ctx, pause); err != nil {
			if away != nil && ctx.Err() != nil {
				if _, signalled := cli.Signalled(ctx); !signalled {
					return b, away
				}
			}
			return b, err
		}
	}
}

// likely is when the batch will end, asked for as seldom as a line of progress comes;
// "" if nothing can be said. The first time it is said in full.
func (w *batchWaiter) likely(ctx context.Context, r *report.Reader, b report.BatchDetail) string {
	if b.Settled() || time.Since(w.asked) < progressEvery {
		return w.end
	}
	first := w.asked.IsZero()
	w.asked, w.end = time.Now(), ""
	q, err := r.Forecast(ctx, w.batch)
	if err != nil {
		return "" // what is wrong, the next look at the batch says
	}
	e := estimate.Of(q)
	tell := clock(w.look, q, &e)
	if first {
		binding := estimate.Bind(q, &e)
		w.bar.Say(w.batch + ": " + e.Sentence(&binding, tell))
	}
	if e.Refusal == "" && !e.Bounds {
		w.end = ", likely done " + tell(e.P50)
	}
	return w.end
}
