package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/tagexec/bench"
	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/devpg"
)

// benchScenarioCommand is `tagexec bench NAME`, with the flags that mean
// something to it.
func benchScenarioCommand(std stdio, s bench.Scenario) *cobra.Command {
	var (
		flags benchFlags
		o     bench.Options
	)
	cmd := &cobra.Command{
		Use: s.Name, Short: s.Short, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(flags.check(), checkBench(cmd, &o)); err != nil {
				return usagef("%w", err)
			}
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			return orSignal(ctx, runBench(ctx, std, flags, o, func(ctx context.Context, o bench.Options) (fmt.Stringer, error) {
				return bench.Run(ctx, s, o)
			}))
		},
	}
	flags.add(cmd)
	cmd.Flags().IntVar(&o.Repeat, "repeat", s.Repeat, "turns; ratios are taken between runs of one turn")
	number := func(variable *int, name string, value int, usage string) {
		if value > 0 {
			cmd.Flags().IntVar(variable, name, value, usage)
		}
	}
	number(&o.Jobs, "jobs", s.Jobs, "jobs of a run")
	number(&o.Workers, "workers", s.Workers, "jobs that run at the same time, in all executors together")
	number(&o.Pending, "pending", s.Pending, "jobs in the queue, of which --jobs are waited for")
	number(&o.Finished, "finished", s.Finished, "jobs that ended before, with 10 attempts for every 3 of them")
	number(&o.Processes, "processes", s.Processes, "executors")
	if s.Idle > 0 {
		cmd.Flags().DurationVar(&o.Idle, "for", s.Idle, "how long to watch")
	}
	if s.Versus {
		cmd.Flags().StringSliceVar(&o.Versus, "vs", nil, "compare with floor (the same statements without an engine) or river, or floor,river")
		cmd.Flags().StringVar(&o.River.Source, "river-source", "", "directory of River's program (default cmd/tagexec/bench/river of the checkout around the working directory)")
		cmd.Flags().IntVar(&o.River.Workers, "river-workers", 2000, "River's workers, in all processes together")
		cmd.Flags().DurationVar(&o.River.Cooldown, "river-cooldown", time.Millisecond, "River's least time between fetches")
		cmd.Flags().DurationVar(&o.River.Poll, "river-poll", 20*time.Millisecond, "River's time between polls")
	}
	return cmd
}

// checkBench refuses what cannot be run, before anything is started.
func checkBench(cmd *cobra.Command, o *bench.Options) error {
	for name, value := range map[string]int{
		"jobs": o.Jobs, "workers": o.Workers, "repeat": o.Repeat, "pending": o.Pending, "finished": o.Finished, "processes": o.Processes,
	} {
		if cmd.Flags().Lookup(name) != nil && value < 1 {
			return fmt.Errorf("--%s is %d: must be at least 1", name, value)
		}
	}
	if cmd.Flags().Lookup("for") != nil && o.Idle < time.Second {
		return fmt.Errorf("--for is %s: must be at least 1s", o.Idle)
	}
	for _, side := range o.Versus {
		if side != bench.Floor && side != bench.RiverQueue {
			return fmt.Errorf("--vs names %q; known: %s, %s", side, bench.Floor, bench.RiverQueue)
		}
	}
	if !slices.Contains(o.Versus, bench.RiverQueue) {
		return nil
	}
	var err error
	o.River.Source, err = bench.FindRiver(o.River.Source)
	return err
}

// runBench gives run a database, shows how far it is and prints what it returns.
func runBench(ctx context.Context, std stdio, flags benchFlags, o bench.Options, run func(context.Context, bench.Options) (fmt.Stringer, error)) (err error) {
	bar := newProgress(std.err, 5*time.Second)
	bar.what = "jobs"
	defer bar.end()
	o.Show = bar.show
	o.Log = func(format string, args ...any) {
		bar.end()
		fmt.Fprintf(std.err, format+"\n", args...)
	}
	if o.Executable, err = os.Executable(); err != nil {
		return usagef("find this program: %w", err)
	}
	base := ""
	if o.Database = flags.database; o.Database == "" {
		if o.Server, err = devpg.Start(ctx, devpg.Options{Settings: bench.ServerSettings, Log: o.Log}); err != nil {
			return usagef("start the embedded Postgres: %w", err)
		}
		defer func() { err = errors.Join(err, o.Server.Stop()) }()
		base = o.Server.DataDir() // so that the files go with it, also after a kill -9
	} else if _, err := migrations.Up(ctx, o.Database); err != nil {
		return err
	}
	if o.Dir, err = os.MkdirTemp(base, "tagexec-bench-"); err != nil {
		return usagef("make a directory for the run: %w", err)
	}
	defer func() { _ = os.RemoveAll(o.Dir) }() // what cannot be removed is only clutter

	report, err := run(ctx, o)
	bar.end()
	var refused *pgconn.PgError
	var unconnected *pgconn.ConnectError
	switch {
	case errors.Is(err, bench.ErrNotEmpty):
		return usagef("--database: %w", err)
	case err != nil && !errors.As(err, &refused) && !errors.As(err, &unconnected):
		return &exitError{exitJobs, err} // not the database: something in the run
	case err != nil:
		return err
	}
	if flags.json {
		return json.NewEncoder(std.out).Encode(report)
	}
	_, err = fmt.Fprint(std.out, report)
	return err
}
