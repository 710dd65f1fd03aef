package operate

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/store/report"
)

// completeTime is how long somebody who presses the tabulator waits for a database.
const completeTime = 300 * time.Millisecond

// completion returns what a word that begins so may be.
type completion func(ctx context.Context, r *report.Reader, typed string) ([]string, error)

// completeFlag makes a shell propose values of an option.
func completeFlag(cmd *cobra.Command, name string, propose completion) {
	_ = cmd.RegisterFlagCompletionFunc(name, func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return proposals(cmd, typed, propose)
	}) // fails only for an option that is not there
}

// completeArgument makes a shell propose the first argument, or each if there may be many.
func completeArgument(propose completion, many bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 && !many {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return proposals(cmd, typed, propose)
	}
}

// proposals asks for them. Whatever goes wrong, there are none: a shell has no place
// for an error.
func proposals(cmd *cobra.Command, typed string, propose completion) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completeTime)
	defer cancel()
	var list []string
	if c, err := config.LoadWithDatabase(); err == nil {
		if r, err := report.Open(report.Config{URL: c.DatabaseURL, Application: "tagexec completion"}); err == nil {
			defer r.Close()
			list, _ = propose(ctx, r.Within(completeTime), typed)
		}
	}
	var shown []string
	for _, word := range list {
		// What is not printable a shell would break, and a terminal obey.
		if name, about, _ := strings.Cut(word, "\t"); strings.HasPrefix(name, typed) && cli.Printable(name+about) == name+about {
			shown = append(shown, word)
		}
	}
	return shown, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

func completeBatches(ctx context.Context, r *report.Reader, typed string) ([]string, error) {
	return r.BatchNames(ctx, typed)
}

func completePools(ctx context.Context, r *report.Reader, typed string) ([]string, error) {
	return r.PoolNames(ctx, typed)
}

func completeTags(ctx context.Context, r *report.Reader, typed string) ([]string, error) {
	return r.TagNames(ctx, typed)
}

func completeKinds(ctx context.Context, r *report.Reader, typed string) ([]string, error) {
	return r.KindNames(ctx, typed)
}

// completeJobs proposes the newest jobs.
func completeJobs(ctx context.Context, r *report.Reader, _ string) ([]string, error) {
	page, err := r.Jobs(ctx, report.JobFilter{}, nil, 50)
	return describe(page.Jobs), err
}

func describe(jobs []report.Job) []string {
	var list []string
	for _, j := range jobs {
		list = append(list, fmt.Sprintf("%d\t%s %s", j.ID, j.State, j.Tag))
	}
	return list
}

// completeStates proposes a state, also after others.
func completeStates(_ context.Context, _ *report.Reader, typed string) ([]string, error) {
	before := typed[:strings.LastIndexByte(typed, ',')+1]
	var list []string
	for _, s := range states {
		if !strings.Contains(","+before, ","+s+",") {
			list = append(list, before+s)
		}
	}
	return list, nil
}

// completeExecutors proposes executors that have not ended.
func completeExecutors(ctx context.Context, r *report.Reader, _ string) ([]string, error) {
	executors, err := r.Executors(ctx, false, 50)
	var list []string
	for _, e := range executors {
		list = append(list, fmt.Sprintf("%s\t%s, process %d", e.ID, e.Hostname, e.PID))
	}
	return list, err
}
