package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/tagexec-bench/internal/replay"
	"github.com/tagexec/tagexec/store/postgres"
)

// leastJobs of a batch make it worth an estimate at a quarter of its jobs.
const leastJobs = 10

func estimateCommand(std cli.Streams) *cobra.Command {
	var (
		f       flags
		nights  int
		seeds   int
		seed    uint64
		tagexec string
		prefix  string
	)
	cmd := &cobra.Command{
		Use:   "estimate",
		Short: "How good the estimates of when a batch ends are, on batches of the past",
		Long: "estimate asks for the end of past batches, when 0, 25, 50 and 75 % of their jobs had ended, with what was known then.\n" +
			"It prints how often the end lay between p10 and p90, and by how much of the time left the estimate was off.\n" +
			"With --database it only reads. Without, it makes the past: nights of the demo's jobs and of jobs that sleep, on\n" +
			"executors of its own, and nights of a world that has the rules of the claim but no executors.\n" +
			"Exit code 1 if any trace misses what an estimate must keep.",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if nights < 0 || seeds < 0 || nights+seeds == 0 {
				return cli.Usagef("--nights and --seeds must not be negative, nor both 0")
			}
			if err := f.check(); err != nil {
				return err
			}
			var report replay.Report
			add := func(s replay.Score) {
				if report.Scores = append(report.Scores, s); f.json {
					return
				}
				if len(report.Scores) == 1 {
					fmt.Fprint(std.Out, replay.Head)
				}
				fmt.Fprint(std.Out, s)
			}
			var err error
			if f.database != "" {
				err = replayDatabase(cmd.Context(), f.database, prefix, add)
			} else {
				err = replayMade(cmd.Context(), std, tagexec, nights, seeds, seed, add)
			}
			if err == nil && f.json {
				err = json.NewEncoder(std.Out).Encode(report)
			}
			if err == nil && !report.Passed() {
				err = cli.Exit(cli.ExitJobs)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&f.database, "database", "", "URL of a queue whose past batches are looked at; nothing in it is changed (default a past that is made)")
	cmd.Flags().BoolVar(&f.json, "json", false, "print the result as one JSON object")
	cmd.Flags().StringVar(&prefix, "batches", "", "with --database, only batches whose keys begin so")
	cmd.Flags().IntVar(&nights, "nights", 16, "nights of the demo, and of jobs that sleep; 0 leaves them out")
	cmd.Flags().IntVar(&seeds, "seeds", 4, "worlds of each kind, of 24 nights; 0 leaves them out")
	cmd.Flags().Uint64Var(&seed, "seed", 1, "of the first world of each kind, and of the nights of sleeps")
	cmd.Flags().StringVar(&tagexec, "tagexec", "", "the tagexec program whose demo is run (default one that is built from the checkout of the working directory)")
	return cmd
}

// replayDatabase replays the batches of a queue.
func replayDatabase(ctx context.Context, url, prefix string, add func(replay.Score)) error {
	return withQueue(ctx, url, func(conn *pgx.Conn) error {
		return pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
			trace, err := replay.Read(ctx, tx, "database", prefix)
			if err == nil {
				add(replay.Replay(leastJobs, trace))
			}
			return err
		})
	})
}

// replayMade makes pasts and replays them.
func replayMade(ctx context.Context, std cli.Streams, tagexec string, nights, seeds int, seed uint64, add func(replay.Score)) (err error) {
	for _, kind := range replay.Worlds() {
		var traces []*replay.Trace
		for i := range seeds {
			traces = append(traces, kind.Trace(seed+uint64(i)))
		}
		if len(traces) > 0 {
			add(replay.Replay(leastJobs, traces...))
		}
	}
	if nights == 0 {
		return nil
	}
	dir, err := os.MkdirTemp("", "tagexec-estimate-")
	if err != nil {
		return cli.Usagef("make a directory for the run: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program, err := product(ctx, tagexec, dir)
	if err != nil {
		return err
	}
	d, err := startDemo(ctx, program)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	bar := cli.NewProgress(std.Err, 5*time.Second, "nights")
	defer bar.End()
	return withQueue(ctx, d.url, func(conn *pgx.Conn) error {
		n := &replay.Nights{DB: conn, Count: nights, Seed: seed, Show: bar.Show}
		for _, past := range []struct {
			name, prefix string
			run          func(context.Context, *replay.Nights) error
		}{{"sleeps, real executors", "replay sleeps", d.sleep}, {"demo, real executors", "replay demo", d.demo}} {
			if err := past.run(ctx, n); err != nil {
				return err
			}
			trace, err := replay.Read(ctx, conn, past.name, past.prefix)
			if err != nil {
				return err
			}
			bar.End()
			add(replay.Replay(leastJobs, trace))
		}
		return nil
	})
}

func withQueue(ctx context.Context, url string, do func(*pgx.Conn) error) error {
	database, err := postgres.Queue(url)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, database.Config("tagexec-bench estimate"))
	if err != nil {
		return database.Locate(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return do(conn)
}
