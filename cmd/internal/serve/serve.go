package serve

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/config"
)

// Command is `serve`.
func Command(std cli.Streams) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run jobs until SIGTERM",
		Long: "serve is an executor: it claims jobs, runs them and records their results until SIGTERM or SIGINT.\n" +
			"Any number of executors may work on one table. /healthz answers while the process lives, /readyz\n" +
			"while it is in contact with the database and can run some kind of job, and /metrics tells Prometheus\n" +
			"what it does and what the queue holds.",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config.LoadWithDatabase()
			if err != nil {
				return err
			}
			return Run(cmd.Context(), c, c.Logger(std.Err))
		},
	}
}

// Run runs an executor and its health endpoints until a signal ends ctx, whose
// exit code it returns as an error.
func Run(ctx context.Context, c config.Config, log *slog.Logger) error {
	e, err := Open(ctx, c, "", log)
	if err != nil {
		return err
	}
	defer e.Close()
	health, err := listenHealth(c, e, log)
	if err != nil {
		return err
	}
	defer health.close()
	if c.Retention > 0 {
		var pruning sync.WaitGroup
		pruneCtx, stopPruning := context.WithCancel(ctx)
		pruning.Go(func() {
			keepPruned(pruneCtx, e.Store, time.Duration(c.Retention), time.Duration(cmp.Or(c.RetentionAttempts, c.Retention)), log)
		})
		defer func() { stopPruning(); pruning.Wait() }()
	}
	if err := e.Pool.Run(ctx); err != nil {
		return err
	}
	code, _ := cli.Signalled(ctx)
	return cli.Exit(code)
}
