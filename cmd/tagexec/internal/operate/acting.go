package operate

import (
	"context"
	"os"
	"os/user"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	act "github.com/tagexec/tagexec/store/operate"
	"github.com/tagexec/tagexec/store/report"
)

// acting is what every verb has that changes something: how it prints, and why it is
// done.
type acting struct {
	listing.Options
	reason string
}

// result is what a verb has done, for who reads it as JSON; actions have the same names.
type result struct {
	Action     string  `json:"action"`
	Batch      *string `json:"batch,omitempty"`
	Pool       *string `json:"pool,omitempty"`
	ExecutorID *string `json:"executor_id,omitempty"`
	BulkID     *string `json:"bulk_id,omitempty"`
	Jobs       *int    `json:"jobs,omitempty"` // that were touched
	Done       bool    `json:"done"`           // something was changed
}

func (a *acting) flags(cmd *cobra.Command) {
	a.Flags(cmd)
	cmd.Flags().StringVar(&a.reason, "reason", "", "why, for the record that tagexec actions list shows")
	_ = cmd.RegisterFlagCompletionFunc("reason", cobra.NoFileCompletions)
}

func (a *acting) order() act.Order {
	return act.Order{Reason: a.reason, UIUser: whoami()}
}

// whoami is who sits at this machine: the login of the database may be everybody's.
func whoami() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}

// run calls do with an actor on the queue, and with a reader of it.
func (a *acting) run(cmd *cobra.Command, std cli.Streams, do func(context.Context, *act.Actor, *report.Reader) error) error {
	look, err := a.Look(std)
	if err != nil {
		return err
	}
	return withReader(cmd, look, func(ctx context.Context, r *report.Reader) error {
		c, err := config.LoadWithDatabase()
		if err != nil {
			return err
		}
		actor, err := act.Open(act.Config{URL: c.DatabaseURL, Application: cmd.CommandPath()})
		if err != nil {
			return err
		}
		defer actor.Close()
		return do(ctx, actor, r)
	})
}

// say prints what was done: a sentence for people, the result for programs.
func (a *acting) say(std cli.Streams, r result, format string, args ...any) error {
	look, people, err := listing.Document(std, &a.Options, r, "action")
	if people {
		look.Say(format, args...)
	}
	return err
}
