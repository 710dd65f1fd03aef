package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/tagexec-bench/internal/bench"
	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/devpg"
)

// scenarioCommand is `tagexec-bench NAME`, with the flags that mean
// something to it.
func scenarioCommand(std cli.Streams, s bench.Scenario) *cobra.Command {
	var (
		f flags
		o bench.Options
	)
	cmd := &cobra.Command{
		Use: s.Name, Short: s.Short, Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(f.check(), checkOptions(cmd, &o)); err != nil {
				return cli.Usagef("%w", err)
			}
			return runScenario(cmd.Context(), std, f, o, func(ctx context.Context, o bench.Options) (fmt.Stringer, error) {
				return bench.Run(ctx, s, o)
			})
		},
	}
	f.add(cmd)
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
		cmd.Flags().StringSliceVar(&o.Versus, "vs", nil, "compare with "+strings.Join(bench.Comparable(), ", ")+": one or several; floor is the same statements without an engine")
		cmd.Flags().StringVar(&o.Peers, "peers", "", "directory of the others' programs (default cmd/tagexec-bench of the checkout around the working directory)")
	}
	return cmd
}

// checkOptions refuses what cannot be run, before anything is started.
func checkOptions(cmd *cobra.Command, o *bench.Options) error {
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
	known := bench.Comparable()
	for _, name := range o.Versus {
		if !slices.Contains(known, name) {
			return fmt.Errorf("--vs names %q; known: %s", name, strings.Join(known, ", "))
		}
	}
	slices.Sort(o.Versus)
	o.Versus = slices.Compact(o.Versus)
	var err error
	o.Peers, err = bench.FindPeers(o.Peers, o.Versus)
	return err
}

// runScenario gives run a database, shows how far it is and prints what it returns.
func runScenario(ctx context.Context, std cli.Streams, f flags, o bench.Options, run func(context.Context, bench.Options) (fmt.Stringer, error)) (err error) {
	bar := cli.NewProgress(std.Err, 5*time.Second, "jobs")
	defer bar.End()
	o.Show = bar.Show
	o.Log = func(format string, args ...any) {
		bar.End()
		fmt.Fprintf(std.Err, format+"\n", args...)
	}
	if o.Executable, err = os.Executable(); err != nil {
		return cli.Usagef("find this program: %w", err)
	}
	base := ""
	if o.Database = f.database; o.Database == "" {
		if o.Server, err = devpg.Start(ctx, devpg.Options{Settings: bench.ServerSettings, Log: o.Log}); err != nil {
			return cli.WithLines("start the embedded Postgres", err)
		}
		defer func() { err = errors.Join(err, o.Server.Stop()) }()
		base = o.Server.DataDir() // so that the files go with it, also after a kill -9
	} else if _, err := migrations.Up(ctx, o.Database); err != nil {
		return err
	}
	if o.Dir, err = os.MkdirTemp(base, "tagexec-bench-"); err != nil {
		return cli.Usagef("make a directory for the run: %w", err)
	}
	defer func() { _ = os.RemoveAll(o.Dir) }() // what cannot be removed is only clutter

	report, err := run(ctx, o)
	bar.End()
	var refused *pgconn.PgError
	var unconnected *pgconn.ConnectError
	switch {
	case errors.Is(err, bench.ErrNotEmpty):
		return cli.Usagef("--database: %w", err)
	case err != nil && !errors.As(err, &refused) && !errors.As(err, &unconnected):
		return &cli.Error{Code: cli.ExitJobs, Err: err} // not the database: something in the run
	case err != nil:
		return err
	}
	if f.json {
		return json.NewEncoder(std.Out).Encode(report)
	}
	_, err = fmt.Fprint(std.Out, report)
	return err
}
