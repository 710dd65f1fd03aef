package operate

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/store/report"
)

func jobsLogs(std cli.Streams) *cobra.Command {
	var (
		attempt int
		follow  bool
	)
	cmd := &cobra.Command{
		Use:   "logs ID",
		Short: "Print what a job printed or answered",
		Long: "logs prints the output of the latest attempt that has ended, or of --attempt N. It is kept as head and\n" +
			"tail, marked where it was cut. Members of tagexec_viewer and tagexec_operator may read it.\n\n" +
			"With -f it prints what an attempt prints while it runs, wherever that is, then what was recorded beyond\n" +
			"that, and ends with the attempt. It waits for a job that is pending. It changes nothing but to say, every\n" +
			"few seconds, that somebody watches, so it needs the primary server. Live output has at most 1 MB, and 32 kB\n" +
			"a second; it comes by whole words.\n\n" +
			"Exit codes of -f: 0 the attempt succeeded, 1 it did not, 2 wrong usage or an unknown job, 3 database out\n" +
			"of reach at the start.",
		Example: "  tagexec jobs logs 42\n" +
			"  tagexec jobs logs 42 --attempt 1 | grep -i warning\n" +
			"  tagexec jobs logs -f 42",
		Args:              oneArgument(aJob),
		ValidArgsFunction: completeArgument(completeJobs, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := jobNumber(args[0])
			if err != nil {
				return err
			}
			if attempt < 1 && cmd.Flags().Changed("attempt") {
				return cli.Usagef("--attempt is %d: must be at least 1", attempt)
			}
			look, err := (&listing.Options{Format: listing.Table, Colour: "never"}).Look(std)
			if err != nil {
				return err
			}
			return withReader(cmd, look, func(ctx context.Context, r *report.Reader) error {
				if follow {
					return followOutput(ctx, std, look, r.Within(followLimit), id, attempt)
				}
				return printOutput(ctx, std, look, r, id, attempt)
			})
		},
	}
	cmd.Flags().IntVar(&attempt, "attempt", 0, "number of the attempt (default the latest that has ended; with -f the one that runs, or is to run)")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "print what a running job prints, until its attempt ends")
	return cmd
}

// printOutput prints what an attempt printed, and on stderr which attempt that is.
func printOutput(ctx context.Context, std cli.Streams, look *listing.Look, r *report.Reader, id int64, attempt int) error {
	job, err := r.Explanation(ctx, id)
	if err != nil {
		return err
	}
	o, found, err := r.Output(ctx, id, attempt)
	switch {
	case err != nil:
		return err
	case !found && attempt > 0:
		return cli.Usagef("job %d has no attempt %d that has ended", id, attempt)
	case !found:
		fmt.Fprintln(std.Err, cli.Printable(fmt.Sprintf("No attempt of job %d (%s) has ended: %s.", id, job.Tag, job.Explanation)))
		return nil
	}
	about := fmt.Sprintf("Attempt %d of job %d (%s), %s at %s", o.Attempt, id, job.Tag, o.Outcome, look.Time(o.FinishedAt))
	if o.Output == nil || *o.Output == "" {
		fmt.Fprintln(std.Err, cli.Printable(about+", printed nothing."))
		return nil
	}
	fmt.Fprintln(std.Err, cli.Printable(fmt.Sprintf("%s, printed %s.", about, listing.Plural(int(o.OutputBytes), "byte"))))
	output := *o.Output
	if !strings.HasSuffix(output, "\n") {
		output += "\n"
	}
	_, err = fmt.Fprint(std.Out, output)
	return err
}
