package operate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/cmd/internal/meant"
	act "github.com/tagexec/tagexec/store/operate"
	"github.com/tagexec/tagexec/store/report"
)

const (
	// chunk is how many jobs one statement acts on, and one action has on record.
	chunk = 500
	// samples is how many jobs are shown to who is asked whether to go on.
	samples = 5
	// actEvery is how often a line of progress comes off a terminal.
	actEvery = 5 * time.Second
)

// jobsAct is a verb on jobs: those of some numbers, or those that a filter finds.
type jobsAct struct {
	acting
	filter jobFilter
	yes    bool

	verb, done string   // "cancel", "cancelled"
	usual      []string // states of jobs that a filter finds which names none
	possible   []string // states that it may name
	do         func(*act.Actor, context.Context, act.Selection, act.Order) (int, error)
}

func (a *jobsAct) command(std cli.Streams, cmd *cobra.Command) *cobra.Command {
	cmd.ValidArgsFunction = completeArgument(completeJobs, true)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		filter, err := a.filter.read(time.Now())
		if err != nil {
			return err
		}
		byFilter := a.filter.given(cmd)
		switch {
		case len(args) == 0 && !byFilter:
			return cli.Usagef("%s needs numbers of jobs, or a filter such as --state %s --since 1h", cmd.CommandPath(), a.usual[0])
		case len(args) > 0 && byFilter:
			return cli.Usagef("%s takes numbers of jobs or a filter, not both", cmd.CommandPath())
		}
		for _, s := range filter.States {
			if !slices.Contains(a.possible, s) {
				return cli.Usagef("--state is %q: %s takes only %s", s, cmd.CommandPath(), strings.Join(a.possible, ", "))
			}
		}
		if len(filter.States) == 0 {
			filter.States = a.usual
		}
		a.filter.States = filter.States // as it is put on record
		var ids []int64
		for _, arg := range args {
			id, err := jobNumber(arg)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return a.run(cmd, std, func(ctx context.Context, actor *act.Actor, r *report.Reader) error {
			if byFilter {
				return a.byFilter(ctx, std, actor, r, filter)
			}
			return a.byNumber(ctx, std, actor, r, ids)
		})
	}
	a.flags(cmd)
	a.filter.flags(cmd)
	cmd.Flags().BoolVar(&a.yes, "yes", false, "do not ask")
	return cmd
}

// byNumber acts on jobs that were named, in whatever state.
func (a *jobsAct) byNumber(ctx context.Context, std cli.Streams, actor *act.Actor, r *report.Reader, ids []int64) error {
	if len(ids) > chunk {
		return cli.Usagef("these are %d jobs: name at most %d, or give a filter", len(ids), chunk)
	}
	were, err := r.JobStates(ctx, ids)
	if err != nil {
		return err
	}
	n, err := a.do(actor, ctx, act.Selection{IDs: ids, States: states, By: time.Now().AddDate(1, 0, 0)}, a.order())
	if err != nil {
		return err
	}
	done := result{Action: a.verb + "_jobs", Jobs: &n, Done: n > 0}
	switch {
	case len(ids) == 1 && n == 0:
		return a.say(std, done, "Nothing to do: job %d (%s) is %s.", ids[0], were[0].Tag, were[0].State)
	case len(ids) == 1:
		return a.say(std, done, "Job %d (%s), which was %s, is %s.", ids[0], were[0].Tag, were[0].State, a.done)
	}
	return a.say(std, done, "%s", a.outcome(n, len(ids)))
}

// outcome says what became of jobs.
func (a *jobsAct) outcome(n, of int) string {
	if n == 1 {
		return fmt.Sprintf("1 of %s is %s.", listing.Plural(of, "job"), a.done)
	}
	return fmt.Sprintf("%s of %s are %s.", listing.Thousands(n), listing.Plural(of, "job"), a.done)
}

// byFilter acts on the jobs that match now: those that come to match later are not
// touched, and neither are those that have gone on since.
func (a *jobsAct) byFilter(ctx context.Context, std cli.Streams, actor *act.Actor, r *report.Reader, f report.JobFilter) error {
	by, err := r.Clock(ctx)
	if err != nil {
		return err
	}
	ids, first, err := matching(ctx, r.Within(patience), f)
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return a.say(std, result{Action: a.verb + "_jobs", Jobs: new(int)}, "%s", strings.TrimSpace("No job matches. "+meant.Filter(ctx, r, f)))
	}
	if !a.yes {
		if err := a.confirm(ctx, std, len(ids), first); err != nil {
			return err
		}
	}
	order := a.order()
	order.BulkID, order.Filter = uuid.NewString(), a.filter.String()
	bar := cli.NewProgress(std.Err, actEvery, "jobs done")
	n := 0
	for at := 0; at < len(ids); at += chunk {
		done, err := a.do(actor, ctx, act.Selection{IDs: ids[at:min(at+chunk, len(ids))], States: f.States, By: by}, order)
		n += done
		if err != nil {
			bar.End()
			return fmt.Errorf("%s of %s are %s, and then it failed: %w", listing.Thousands(n), listing.Plural(len(ids), "job"), a.done, err)
		}
		bar.Show(min(at+chunk, len(ids)), len(ids), a.verb)
	}
	bar.End()
	return a.say(std, result{Action: a.verb + "_jobs", Jobs: &n, BulkID: &order.BulkID, Done: n > 0}, "%s", a.outcome(n, len(ids)))
}

// confirm shows what would be acted on, and asks.
func (a *jobsAct) confirm(ctx context.Context, std cli.Streams, n int, first []report.Job) error {
	what := fmt.Sprintf("%s match and would be %s", listing.Plural(n, "job"), a.done)
	if n == 1 {
		what = "1 job matches and would be " + a.done
	}
	fmt.Fprintf(std.Err, "%s:\n", what)
	for _, j := range first {
		fmt.Fprintln(std.Err, "  "+cli.Printable(strings.TrimSpace(fmt.Sprintf("%d %s %s %s", j.ID, j.State, j.Tag, failure(j.ErrorCode, j.Error)))))
	}
	if n > len(first) {
		fmt.Fprintf(std.Err, "  … and %s more\n", listing.Thousands(n-len(first)))
	}
	agreed, asked, err := cli.Confirm(ctx, std, strings.ToUpper(a.verb[:1])+a.verb[1:]+" "+listing.Plural(n, "job")+"?")
	switch {
	case err != nil:
		return err
	case !asked:
		return cli.Usagef("%s; nothing was done: add --yes to agree", what)
	case !agreed:
		return cli.Usagef("nothing was done: only y or yes agrees")
	}
	return nil
}

// matching returns the numbers of all jobs that match, and the first few of them.
func matching(ctx context.Context, r *report.Reader, f report.JobFilter) (ids []int64, first []report.Job, err error) {
	size := allPage
	if f.Batch != "" {
		size = batchPage
	}
	for from := (*report.Place)(nil); ; {
		page, err := r.AllJobs(ctx, f, from, size)
		if err != nil {
			return nil, nil, err
		}
		for _, j := range page.Jobs {
			ids = append(ids, j.ID)
			if len(first) < samples {
				first = append(first, j)
			}
		}
		if from = page.Next; from == nil {
			return ids, first, nil
		}
	}
}
