package main

import (
	"context"
	"log/slog"
	"sync"

	"github.com/spf13/cobra"
)

func serveCommand(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run jobs until SIGTERM",
		Long: "serve is an executor: it claims jobs, runs them and records their results until SIGTERM or SIGINT.\n" +
			"Any number of executors may work on one table. /healthz answers while the process lives, /readyz\n" +
			"while it is in contact with the database.",
		Args: noArgs,
		RunE: withDatabase(func(ctx context.Context, c config) error {
			ctx, stop := untilSignal(ctx)
			defer stop()
			return serve(ctx, c, c.logger(std.err))
		}),
	}
}

// serve runs an executor and its health endpoints until a signal ends ctx.
func serve(ctx context.Context, c config, log *slog.Logger) error {
	for _, name := range unknownVariables() {
		log.Warn("a variable means nothing to tagexec; is it misspelt?", "variable", name)
	}
	e, err := newEngine(ctx, c, "", log)
	if err != nil {
		return err
	}
	defer e.close()
	health, err := listenHealth(c, e.pool, log)
	if err != nil {
		return err
	}
	defer health.close()
	if c.Retention > 0 {
		var pruning sync.WaitGroup
		pruneCtx, stopPruning := context.WithCancel(ctx)
		pruning.Go(func() { keepPruned(pruneCtx, e.store, c.Retention, log) })
		defer func() { stopPruning(); pruning.Wait() }()
	}
	if err := e.pool.Run(ctx); err != nil {
		return err
	}
	code, _ := signalled(ctx)
	return exit(code)
}
