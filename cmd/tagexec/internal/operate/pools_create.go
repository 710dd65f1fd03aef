package operate

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	act "github.com/tagexec/tagexec/store/operate"
	"github.com/tagexec/tagexec/store/report"
)

func poolsCreate(std cli.Streams) *cobra.Command {
	var (
		a           acting
		slots       string
		description string
	)
	cmd := &cobra.Command{
		Use:   "create POOL --slots N",
		Short: "Make a pool",
		Long:  "create makes a pool that jobs may name. It is on record, with --reason. Members of tagexec_operator may do it.",
		Example: "  tagexec pools create warehouse --slots 8\n" +
			"  tagexec pools create warehouse --slots 8 --description 'sessions of the warehouse' --reason 'its limit is 10'\n" +
			"  tagexec pools create free --slots none",
		Args:              oneArgument(aNewPool),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := readSlots(slots)
			if err != nil {
				return err
			}
			return a.run(cmd, std, func(ctx context.Context, actor *act.Actor, _ *report.Reader) error {
				err := actor.CreatePool(ctx, args[0], n, description, a.order())
				if errors.Is(err, act.ErrPoolExists) {
					return cli.Usagef("%w: `tagexec pools set` changes it", err)
				}
				if err != nil {
					return err
				}
				return a.say(std, result{Action: "create_pool", Pool: &args[0], Done: true}, "Pool %s is there, with %s.", args[0], slotsInWords(n))
			})
		},
	}
	a.flags(cmd)
	slotsFlag(cmd, &slots)
	cmd.Flags().StringVar(&description, "description", "", "what the pool protects")
	return cmd
}
