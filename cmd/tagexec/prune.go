package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/store"
)

func pruneCommand(std stdio) *cobra.Command {
	var age time.Duration
	cmd := &cobra.Command{
		Use:   "prune --older-than D",
		Short: "Delete jobs that finished longer ago than D, with their attempts, and batches without jobs",
		Args:  noArgs,
		RunE: withDatabase(func(ctx context.Context, c config) error {
			if age <= 0 {
				return usagef("--older-than is missing: a duration such as 2160h (90 days)")
			}
			ctx, stop := untilSignal(ctx)
			defer stop()
			st, err := openStore(ctx, c)
			if err != nil {
				return err
			}
			defer st.Close()
			pruned, err := st.Prune(ctx, age)
			if err != nil {
				return orSignal(ctx, err)
			}
			return printJSON(std.out, pruned)
		}),
	}
	cmd.Flags().DurationVar(&age, "older-than", 0, "age since the job finished, e.g. 2160h")
	return cmd
}

// pruneInterval is how often serve deletes what is older than the retention.
const pruneInterval = 10 * time.Minute

// keepPruned deletes what is older than age until ctx ends.
func keepPruned(ctx context.Context, st *store.Store, age time.Duration, log *slog.Logger) {
	for {
		pruned, err := st.Prune(ctx, age)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.Error("prune failed", "error", err)
		case pruned != store.Pruned{}:
			log.Info("pruned", "jobs", pruned.Jobs, "batches", pruned.Batches)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pruneInterval):
		}
	}
}
