package serve

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/access"
	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/cmd/internal/web"
)

// Command is `serve`.
func Command(std cli.Streams) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run jobs until SIGTERM",
		Long: "serve is an executor: it claims jobs, runs them and records their results until SIGTERM or SIGINT.\n" +
			"Any number of executors may work on one table. It shows the page at TAGEXEC_HTTP_ADDR. /healthz answers\n" +
			"while the process lives, /readyz while it is in contact with the database and can run some kind of job,\n" +
			"and /metrics tells Prometheus what it does and what the queue holds.",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config.LoadWithDatabase()
			if err != nil {
				return err
			}
			return Run(cmd.Context(), c, access.Viewer, c.Logger(std.Err)) // a command job on this host could press buttons
		},
	}
}

// Run runs an executor, with its page, until a signal ends ctx, whose exit code it returns
// as an error. free is what whoever is on this host may do on the page where there is no
// login.
func Run(ctx context.Context, c config.Config, free access.Level, log *slog.Logger) error {
	e, err := Open(ctx, c, "", log)
	if err != nil {
		return err
	}
	defer e.Close()
	server, err := Show(c, e, free, log)
	if err != nil {
		return err
	}
	defer server.Close()
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

// Show serves the page of an executor, its health endpoints and its metrics.
func Show(c config.Config, e *Engine, free access.Level, log *slog.Logger) (*web.Server, error) {
	return web.Listen(web.Config{
		Config: c, Free: free, Health: e.Pool, Metrics: e.Metrics.Handler(), Connections: spareConnections(c, e.Kinds, log), Log: log,
	})
}
