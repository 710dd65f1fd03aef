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

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/movedclock"
	"github.com/tagexec/tagexec/cmd/tagexec-bench/internal/chaos"
	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/devpg"
)

func chaosCommand(std cli.Streams) *cobra.Command {
	var (
		f       flags
		minutes float64
		seed    uint64
		tagexec string
	)
	cmd := &cobra.Command{
		Use:   "chaos",
		Short: "Inject faults into three executors and their database, and check every promise",
		Long: "chaos lets producers, operators, a hostile analyst and three executors work on one queue. It kills, freezes and\n" +
			"cuts off what it can, and takes away what jobs need. Then it compares the answers that producers got, the tables\n" +
			"and what the jobs wrote themselves. It watches that no executor outgrows its memory bound.\n" +
			"Exit code 1 if any promise was broken. Only an embedded Postgres is also crashed, and has its clock set; for that\n" +
			"it needs Linux and a C compiler. The report says what was not tried.",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if minutes <= 0 {
				return cli.Usagef("--minutes is %g: must be more than 0", minutes)
			}
			if err := f.check(); err != nil {
				return err
			}
			if !cmd.Flags().Changed("seed") {
				seed = uint64(rand.Uint32())
			}
			o := chaos.Options{Seed: seed, Duration: time.Duration(minutes * float64(time.Minute))}
			return runChaos(cmd.Context(), std, f, tagexec, o)
		},
	}
	f.add(cmd)
	cmd.Flags().Float64Var(&minutes, "minutes", 1, "how long faults are injected; draining comes on top")
	cmd.Flags().StringVar(&tagexec, "tagexec", "", "the tagexec program to try (default one that is built from the checkout of the working directory)")
	cmd.Flags().Uint64Var(&seed, "seed", 0, "decides what is done to whom (default a random one, which is printed)")
	return cmd
}

func runChaos(ctx context.Context, std cli.Streams, f flags, tagexec string, o chaos.Options) (err error) {
	again := fmt.Sprintf("tagexec-bench chaos --minutes %g --seed %d", o.Duration.Minutes(), o.Seed)
	fmt.Fprintln(std.Err, again)
	base := ""
	o.Database = f.database
	if o.Database == "" {
		options := devpg.Options{Log: func(format string, args ...any) { fmt.Fprintf(std.Err, format+"\n", args...) }}
		remove, clockErr := addClock(ctx, &o, &options)
		defer remove()
		if clockErr != nil {
			return clockErr
		}
		server, startErr := devpg.Start(ctx, options)
		if startErr != nil {
			return cli.WithLines("start the embedded Postgres", startErr)
		}
		defer func() { err = errors.Join(err, server.Stop()) }()
		o.Database, o.Server = server.URL("postgres"), server
		base = server.DataDir() // so that the files go with it, also after a kill -9
	} else {
		o.NoClock = "the server is not ours"
	}
	if _, err := migrations.Up(ctx, o.Database); err != nil {
		return err
	}
	if o.Dir, err = os.MkdirTemp(base, "tagexec-chaos-"); err != nil {
		return cli.Usagef("make a directory for the run: %w", err)
	}
	defer func() { _ = os.RemoveAll(o.Dir) }() // what cannot be removed is only clutter
	if o.Executable, err = product(ctx, tagexec, o.Dir); err != nil {
		return err
	}

	bar := cli.NewProgress(std.Err, 5*time.Second, "jobs done")
	o.Show = bar.Show
	report, err := chaos.Run(ctx, o)
	bar.End()
	if errors.Is(err, chaos.ErrNotEmpty) {
		return cli.Usagef("--database: %w", err)
	}
	if err != nil {
		return err
	}
	if f.json {
		if err := json.NewEncoder(std.Out).Encode(report); err != nil {
			return err
		}
	} else {
		fmt.Fprint(std.Out, report)
	}
	if report.Kept() {
		return nil
	}
	fmt.Fprintf(std.Err, "promises were broken; to try again: %s\n", again)
	if kept := filepath.Join(os.TempDir(), filepath.Base(o.Dir)); kept == o.Dir || os.Rename(o.Dir, kept) == nil {
		o.Dir = "" // not removed
		fmt.Fprintf(std.Err, "logs of the executors and the jobs' history: %s\n", kept)
	}
	return cli.Exit(cli.ExitJobs)
}

// addClock gives the embedded server a clock that can be moved, if one can be made
// here. Its files are removed by remove, after the server has stopped.
func addClock(ctx context.Context, o *chaos.Options, options *devpg.Options) (remove func(), err error) {
	dir, err := os.MkdirTemp("", "tagexec-clock-")
	if err != nil {
		return func() {}, cli.Usagef("make a directory for the server's clock: %w", err)
	}
	remove = func() { _ = os.RemoveAll(dir) } // what cannot be removed is only clutter

	if err := os.Chmod(dir, 0o755); err != nil { // the server of root runs as somebody else
		return remove, cli.Usagef("make a directory for the server's clock: %w", err)
	}
	clock, err := movedclock.New(ctx, dir)
	if err != nil {
		o.NoClock = err.Error()
		return remove, nil
	}
	o.Clock, options.Preload = clock, clock.Library
	return remove, nil
}
