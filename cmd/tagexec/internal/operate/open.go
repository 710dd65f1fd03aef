package operate

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/cmd/internal/listing"
	"github.com/tagexec/tagexec/cmd/internal/meant"
	"github.com/tagexec/tagexec/store/report"
)

// withBatch is withReader for a command about one batch: where there is none of its key, it
// says which may have been meant.
func withBatch(cmd *cobra.Command, look *listing.Look, key string, do func(context.Context, *report.Reader) error) error {
	return withReader(cmd, look, func(ctx context.Context, r *report.Reader) error {
		return meant.Batch(ctx, r, key, do(ctx, r))
	})
}

// withReader calls do with a reader of the queue whose days are those of the look.
func withReader(cmd *cobra.Command, look *listing.Look, do func(context.Context, *report.Reader) error) error {
	c, err := config.LoadWithDatabase()
	if err != nil {
		return err
	}
	r, err := report.Open(report.Config{URL: c.DatabaseURL, Application: cmd.CommandPath(), Zone: look.Zone.String()})
	if err != nil {
		return err
	}
	defer r.Close()
	if err := r.CheckSchema(cmd.Context()); err != nil {
		return err
	}
	err = do(cmd.Context(), r)
	if missing := (*report.MissingError)(nil); errors.As(err, &missing) {
		return cli.Usagef("%w", err)
	}
	return err
}
