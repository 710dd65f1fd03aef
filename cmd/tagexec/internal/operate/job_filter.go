package operate

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/store/report"
)

var states = []string{"pending", "running", "succeeded", "failed", "cancelled"}

// jobFilter are the options by which jobs are found.
type jobFilter struct {
	report.JobFilter
	since time.Duration
}

func (f *jobFilter) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.States, "state", nil, "states, separated by commas: pending, running, succeeded, failed, cancelled")
	flags.StringVar(&f.Tag, "tag", "", "jobs of this tag")
	flags.StringVar(&f.Batch, "batch", "", "jobs of this batch")
	flags.StringVar(&f.Pool, "pool", "", "jobs of this pool")
	flags.StringVar(&f.Kind, "kind", "", "jobs of this kind: sql, command, http, …")
	cli.DurationVar(flags, &f.since, "since", 0, "jobs that ended (or else started, or were created) within this time, e.g. 90m or 7d")
	flags.StringVar(&f.Error, "error", "", "jobs whose error has this code, or holds this text in any case")
	completeFlag(cmd, "state", completeStates)
	completeFlag(cmd, "tag", completeTags)
	completeFlag(cmd, "batch", completeBatches)
	completeFlag(cmd, "pool", completePools)
	completeFlag(cmd, "kind", completeKinds)
}

// read checks the options.
func (f *jobFilter) read(now time.Time) (report.JobFilter, error) {
	for _, s := range f.States {
		if err := cli.OneOf("state", s, states...); err != nil {
			return report.JobFilter{}, err
		}
	}
	if f.since > 0 {
		f.Since = now.Add(-f.since)
	}
	return f.JobFilter, nil
}

// filterOptions are the options of a filter, in the order in which it is put on record.
var filterOptions = []string{"state", "tag", "batch", "pool", "kind", "since", "error"}

// given reports whether any of them is there.
func (f *jobFilter) given(cmd *cobra.Command) bool {
	for _, name := range filterOptions {
		if cmd.Flags().Changed(name) {
			return true
		}
	}
	return false
}

// String is the filter as somebody would type it.
func (f *jobFilter) String() string {
	var words []string
	add := func(name, value string) {
		if value != "" {
			words = append(words, "--"+name+" "+cli.ShellWord(value))
		}
	}
	add("state", strings.Join(f.States, ","))
	add("tag", f.Tag)
	add("batch", f.Batch)
	add("pool", f.Pool)
	add("kind", f.Kind)
	if f.since > 0 {
		add("since", f.since.String())
	}
	add("error", f.Error)
	return strings.Join(words, " ")
}
