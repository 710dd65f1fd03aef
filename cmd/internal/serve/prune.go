package serve

import (
	"context"
	"log/slog"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/wait"
	"github.com/tagexec/tagexec/store"
)

// pruneInterval is how often serve deletes what is older than the retention.
const pruneInterval = 10 * time.Minute

// keepPruned deletes what is older than age, and attempts that are older than
// attemptsAge, until ctx ends.
func keepPruned(ctx context.Context, st *store.Store, age, attemptsAge time.Duration, log *slog.Logger) {
	for {
		pruned, err := st.Prune(ctx, age, attemptsAge)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.Error("prune failed", "error", err)
		case pruned != store.Pruned{}:
			log.Info("pruned", "jobs", pruned.Jobs, "attempts", pruned.Attempts, "batches", pruned.Batches, "executors", pruned.Executors)
		}
		if wait.For(ctx, pruneInterval) != nil {
			return
		}
	}
}
