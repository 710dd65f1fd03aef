package operate

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	act "github.com/tagexec/tagexec/store/operate"
	"github.com/tagexec/tagexec/store/report"
)

func executorsDrain(std cli.Streams) *cobra.Command {
	var a acting
	cmd := &cobra.Command{
		Use:   "drain ID",
		Short: "Let an executor claim nothing more, and end when its jobs have",
		Long: "drain is heard by the executor within a heartbeat. Its process ends when its jobs have; what supervises it may\n" +
			"start it again. It is on record, with --reason. Members of tagexec_operator may do it.",
		Example: "  tagexec executors drain 62ac5fa4-8b5f-49b5-ab47-2a6c69f358c1 --reason 'the host is patched'\n" +
			"  tagexec executors list -o wide    # ids, and who was asked\n" +
			"  tagexec jobs list --state running -o wide    # what it still runs",
		Args:              oneArgument(anExecutor),
		ValidArgsFunction: completeArgument(completeExecutors, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := uuid.Parse(args[0])
			if err != nil {
				return cli.Usagef("the executor is %q: must be its id, as `tagexec executors list` shows it", args[0])
			}
			return a.run(cmd, std, func(ctx context.Context, actor *act.Actor, r *report.Reader) error {
				list, err := r.Executors(ctx, true, maxExecutors)
				if err != nil {
					return err
				}
				i := slices.IndexFunc(list, func(e report.Executor) bool { return e.ID == id.String() })
				if i < 0 {
					return cli.Usagef("there is no executor %s: `tagexec executors list` shows those that live", id)
				}
				asked, err := actor.DrainExecutor(ctx, id.String(), a.order())
				if err != nil {
					return err
				}
				done := result{Action: "drain_executor", ExecutorID: &list[i].ID, Done: asked}
				name := fmt.Sprintf("%s (process %d)", list[i].Hostname, list[i].PID)
				if !asked {
					return a.say(std, done, "Nothing to do: the executor on %s has ended, or was asked already.", name)
				}
				return a.say(std, done, "The executor on %s claims nothing more, and ends when its jobs have: %s.", name, listing.Plural(list[i].Running, "job"))
			})
		},
	}
	a.flags(cmd)
	return cmd
}
