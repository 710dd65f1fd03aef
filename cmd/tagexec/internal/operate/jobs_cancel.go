package operate

import (
	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	act "github.com/tagexec/tagexec/store/operate"
)

func jobsCancel(std cli.Streams) *cobra.Command {
	a := &jobsAct{
		verb: "cancel", done: "cancelled, or asked to stop",
		usual: []string{"pending", "running"}, possible: []string{"pending", "running"},
		do: (*act.Actor).CancelJobs,
	}
	return a.command(std, &cobra.Command{
		Use:   "cancel ID… | --FILTER…",
		Short: "Cancel jobs: by number, or all that a filter finds",
		Long: "cancel ends what waits at once, and what runs within seconds, on whatever executor. With a filter it says\n" +
			"how many jobs match and asks; --yes answers, as it must off a terminal. Jobs that come to match later are\n" +
			"not touched. It is on record, with --reason. Members of tagexec_operator may do it.",
		Example: "  tagexec jobs cancel 42 --reason 'wrong date'\n" +
			"  tagexec jobs cancel --tag churn_risk --state pending\n" +
			"  tagexec jobs cancel --pool warehouse --since 1h --yes --reason 'the warehouse is down'",
	})
}
