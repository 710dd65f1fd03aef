package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/tagexec/bench/chaos"
	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/devpg"
)

func benchChaosCommand(std stdio) *cobra.Command {
	var (
		flags   benchFlags
		minutes float64
		seed    uint64
	)
	cmd := &cobra.Command{
		Use:   "chaos",
		Short: "Injure three executors and their database, and look whether every promise is kept",
		Long: "chaos lets producers, operators and three executors work on one queue, kills, freezes and cuts off what it\n" +
			"can, and then compares what producers were told, what the tables say and what the jobs wrote themselves.\n" +
			"Exit code 1 if any promise was broken. Only an embedded Postgres is also crashed.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if minutes <= 0 {
				return usagef("--minutes is %g: must be more than 0", minutes)
			}
			if err := flags.check(); err != nil {
				return err
			}
			if !cmd.Flags().Changed("seed") {
				seed = uint64(rand.Uint32())
			}
			o := chaos.Options{Seed: seed, Duration: time.Duration(minutes * float64(time.Minute))}
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			return orSignal(ctx, runChaos(ctx, std, flags, o))
		},
	}
	flags.add(cmd)
	cmd.Flags().Float64Var(&minutes, "minutes", 1, "how long faults are injected; draining comes on top")
	cmd.Flags().Uint64Var(&seed, "seed", 0, "decides what is done to whom (default a random one, which is printed)")
	return cmd
}

func runChaos(ctx context.Context, std stdio, flags benchFlags, o chaos.Options) (err error) {
	again := fmt.Sprintf("tagexec bench chaos --minutes %g --seed %d", o.Duration.Minutes(), o.Seed)
	fmt.Fprintln(std.err, again)
	if o.Executable, err = os.Executable(); err != nil {
		return usagef("find this program: %w", err)
	}
	base := ""
	o.Database = flags.database
	if o.Database == "" {
		server, startErr := devpg.Start(ctx, devpg.Options{Log: func(format string, args ...any) { fmt.Fprintf(std.err, format+"\n", args...) }})
		if startErr != nil {
			return usagef("start the embedded Postgres: %w", startErr)
		}
		defer func() { err = errors.Join(err, server.Stop()) }()
		if o.Database, err = prepareQueue(ctx, server); err != nil {
			return err
		}
		o.Server, base = server, server.DataDir() // so that the files go with it, also after a kill -9
	} else if _, err := migrations.Up(ctx, o.Database); err != nil {
		return err
	}
	if o.Dir, err = os.MkdirTemp(base, "tagexec-chaos-"); err != nil {
		return usagef("make a directory for the run: %w", err)
	}
	defer func() { _ = os.RemoveAll(o.Dir) }() // what cannot be removed is only clutter

	bar := newProgress(std.err, 5*time.Second)
	o.Show = bar.show
	report, err := chaos.Run(ctx, o)
	bar.end()
	if errors.Is(err, chaos.ErrNotEmpty) {
		return usagef("--database: %w", err)
	}
	if err != nil {
		return err
	}
	if flags.json {
		if err := json.NewEncoder(std.out).Encode(report); err != nil {
			return err
		}
	} else {
		fmt.Fprint(std.out, report)
	}
	if report.Kept() {
		return nil
	}
	fmt.Fprintf(std.err, "promises were broken; to try again: %s\n", again)
	if kept := filepath.Join(os.TempDir(), filepath.Base(o.Dir)); kept == o.Dir || os.Rename(o.Dir, kept) == nil {
		o.Dir = "" // not removed
		fmt.Fprintf(std.err, "logs of the executors and the jobs' history: %s\n", kept)
	}
	return exit(exitJobs)
}
