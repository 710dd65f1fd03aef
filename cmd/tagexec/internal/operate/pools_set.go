package operate

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/cmd/internal/meant"
	act "github.com/tagexec/tagexec/store/operate"
	"github.com/tagexec/tagexec/store/report"
)

func poolsSet(std cli.Streams) *cobra.Command {
	var (
		a     acting
		slots string
	)
	cmd := &cobra.Command{
		Use:   "set POOL --slots N",
		Short: "Change how many slots a pool has",
		Long: "set takes effect within seconds on all executors. Where a pool becomes smaller, what runs goes on. It is on\n" +
			"record, with --reason. Members of tagexec_operator may do it.",
		Example: "  tagexec pools set warehouse --slots 12\n" +
			"  tagexec pools set warehouse --slots 4 --reason 'reports run until noon'\n" +
			"  tagexec pools set warehouse --slots none    # no limit",
		Args:              oneArgument(aPool),
		ValidArgsFunction: completeArgument(completePools, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := readSlots(slots)
			if err != nil {
				return err
			}
			return a.run(cmd, std, func(ctx context.Context, actor *act.Actor, r *report.Reader) error {
				if err := actor.SetSlots(ctx, args[0], n, a.order()); err != nil {
					return meant.Pool(ctx, r, args[0], err)
				}
				return a.say(std, result{Action: "change_pool", Pool: &args[0], Done: true}, "Pool %s has %s.", args[0], slotsInWords(n))
			})
		},
	}
	a.flags(cmd)
	slotsFlag(cmd, &slots)
	return cmd
}

func slotsFlag(cmd *cobra.Command, slots *string) {
	cmd.Flags().StringVar(slots, "slots", "", "slots that may be in use at the same time, or none for no limit (required)")
	_ = cmd.RegisterFlagCompletionFunc("slots", cobra.FixedCompletions([]string{"none"}, cobra.ShellCompDirectiveNoFileComp))
}

// readSlots reads a number of slots; nil is none, which is no limit.
func readSlots(text string) (*int, error) {
	if text == "none" {
		return nil, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	switch {
	case text == "":
		return nil, cli.Usagef("--slots is missing: a number of slots, or none for no limit")
	case err != nil || n < 0:
		return nil, cli.Usagef("--slots is %q: must be a number of slots, or none for no limit", text)
	}
	slots := int(n)
	return &slots, nil
}

func slotsInWords(n *int) string {
	if n == nil {
		return "no limit"
	}
	return listing.Plural(*n, "slot")
}
