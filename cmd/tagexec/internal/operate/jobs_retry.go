package operate

import (
	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	act "github.com/tagexec/tagexec/store/operate"
)

func jobsRetry(std cli.Streams) *cobra.Command {
	a := &jobsAct{
		verb: "retry", done: "pending again",
		usual: []string{"failed", "cancelled"}, possible: []string{"failed", "cancelled", "succeeded", "pending"},
		do: (*act.Actor).RetryJobs,
	}
	return a.command(std, &cobra.Command{
		Use:   "retry ID… | --FILTER…",
		Short: "Make jobs pending again: by number, or all that a filter finds",
		Long: "retry lets jobs run again that have ended, or at once if they wait out the delay after a failure. Their\n" +
			"attempts are kept. A filter that names no state finds failed and cancelled jobs; it says how many match and\n" +
			"asks; --yes answers, as it must off a terminal. Jobs that come to match later are not touched, nor those\n" +
			"that somebody else has retried meanwhile. It is on record, with --reason. Members of tagexec_operator may\n" +
			"do it.",
		Example: "  tagexec jobs retry 42 43 --reason 'the table is there now'\n" +
			"  tagexec jobs retry --state failed --error 42P01 --since 24h\n" +
			"  tagexec jobs retry --batch nightly:2026-11-22 --state failed --yes",
	})
}
