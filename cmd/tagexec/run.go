package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/cmd/internal/page"
	"github.com/tagexec/tagexec/cmd/internal/serve"
	"github.com/tagexec/tagexec/store"
)

// oneShotGrace is the default grace of run: Airflow 3 gives a killed task five
// seconds.
const oneShotGrace = 3 * time.Second

// errTimeLimit is the cause of a context that --timeout ended.
var errTimeLimit = errors.New("the limit of --timeout was reached")

// oneShot are the options of run.
type oneShot struct {
	submission
	workers  int
	timeout  time.Duration
	progress time.Duration
	empty    int
}

func runCommand(std cli.Streams) *cobra.Command {
	var o oneShot
	end := func(cmd *cobra.Command, s summary, err error) error {
		if err != nil {
			cli.PrintError(std.Err, cmd.Root().Name(), err)
			s.Error = cli.Text(err)
		}
		if err := printJSON(std.Out, s); err != nil {
			return err
		}
		return cli.Exit(s.ExitCode)
	}
	refuse := func(cmd *cobra.Command, err error) error {
		return end(cmd, summary{Batch: o.batch, ExitCode: cli.ExitUsage}, err)
	}
	cmd := &cobra.Command{
		Use:   "run --batch KEY [--jobs FILE|-]",
		Short: "Run one batch to its end, as one task of a scheduler",
		Long: "run submits the file if one is given, runs the jobs of this batch and no others, and ends when nothing of\n" +
			"the batch is pending or running; other executors may help. The last line of stdout is one JSON object.\n\n" +
			"Exit codes: 0 all succeeded, 1 a job failed or was cancelled, 2 wrong usage or configuration, 3 database out\n" +
			"of reach, 4 --timeout reached, 130/143 ended by SIGINT/SIGTERM. What is unfinished then stays pending.\n\n" + limitsOfFiles,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := cli.NoArgs(cmd, args); err != nil {
				return refuse(cmd, err)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := o.run(cmd.Context(), std)
			return end(cmd, s, err)
		},
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return refuse(cmd, cli.WrongFlag(cmd, err)) })
	o.flags(cmd)
	cmd.Flags().IntVar(&o.workers, "workers", 0, "jobs that run at the same time (default TAGEXEC_WORKERS)")
	cli.DurationVar(cmd.Flags(), &o.timeout, "timeout", 0, "end after this time with exit code 4 (default no limit)")
	cli.DurationVar(cmd.Flags(), &o.progress, "progress", 10*time.Second, "time between lines of progress off a terminal")
	cmd.Flags().IntVar(&o.empty, "empty-exit-code", 0, "exit code of a batch without jobs, e.g. 99 to have Airflow skip the task")
	return cmd
}

// check refuses what is wrong on the command line.
func (o *oneShot) check() error {
	switch {
	case o.given.Changed("workers") && (o.workers < 1 || o.workers > config.MaxWorkers):
		return cli.Usagef("--workers is %d: must be from 1 to %d", o.workers, config.MaxWorkers)
	case o.progress == 0:
		return cli.Usagef("--progress is 0s: must be more than 0")
	case o.empty < 0 || o.empty > 255:
		return cli.Usagef("--empty-exit-code is %d: must be from 0 to 255", o.empty)
	}
	return o.submission.check()
}

// summary is the last line of stdout.
type summary struct {
	Batch string `json:"batch"`
	Page  string `json:"page,omitempty"` // of the batch
	store.Counts
	Submitted *store.Submission `json:"submitted,omitempty"`
	Seconds   float64           `json:"seconds"`
	ExitCode  int               `json:"exit_code"`
	Error     string            `json:"error,omitempty"`
}

// run does all of it and never fails without a summary, which lacks the text of the
// error.
func (o *oneShot) run(ctx context.Context, std cli.Streams) (summary, error) {
	began := time.Now()
	s := summary{Batch: o.batch}
	if o.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, o.timeout, errTimeLimit)
		defer cancel()
		cli.EndAt(ctx, began.Add(o.timeout))
	}
	err := o.check()
	if err == nil {
		err = o.execute(ctx, std, &s)
	}
	s.Seconds = seconds(time.Since(began))
	cause := context.Cause(ctx)
	if cause != nil && !errors.Is(err, cause) {
		err = cause // what it led to says less
	}
	code, ended := cli.Signalled(ctx)
	switch {
	case ended:
		s.ExitCode = code
	case errors.Is(cause, errTimeLimit):
		s.ExitCode = cli.ExitTimeout
	case err != nil:
		s.ExitCode = cli.ExitCode(err)
	case s.Total == 0:
		s.ExitCode = o.empty
	default:
		s.ExitCode = outcomeCode(s.Counts)
	}
	return s, err
}

// seconds returns d as a number of at most three decimals also in JSON: Seconds of
// 3.647 s is 3.6470000000000002.
func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }

// execute submits the jobs and runs the batch until it is settled or ctx ends.
func (o *oneShot) execute(ctx context.Context, std cli.Streams, s *summary) error {
	c, err := config.LoadWithDatabase()
	if err != nil {
		return err
	}
	if !config.Given("SHUTDOWN_GRACE") {
		c.ShutdownGrace = cli.Duration(oneShotGrace)
	}
	if o.workers > 0 {
		c.Workers = config.Number(o.workers)
	}
	var file *jobsFile
	if o.jobs != "" {
		if file, err = readJobs(ctx, o.jobs, std, o.batch); err != nil {
			return err
		}
	}
	if c.UI.URL != "" {
		s.Page = page.BatchURL(c.UI.URL, o.batch)
		fmt.Fprintf(std.Err, "page: %s\n", s.Page)
	}
	e, err := serve.Open(ctx, c, o.batch, c.Logger(std.Err))
	if err != nil {
		return err
	}
	defer e.Close()
	if o.jobs != "" {
		done, err := o.submit(ctx, e.Store, file)
		if err != nil {
			return err
		}
		s.Submitted = &done
	}
	if s.Counts, err = e.Store.BatchCounts(ctx, o.batch); err != nil {
		if errors.Is(err, store.ErrNoBatch) {
			return cli.Usagef("there is no batch %q; give its jobs with --jobs, or submit them first", o.batch)
		}
		return err
	}

	if !s.Settled() {
		s.Counts, err = o.help(ctx, std, c, e)
	}
	if err != nil {
		return err
	}
	printProblems(ctx, std.Err, e.Store, o.batch, s.Counts)
	return nil
}

// help runs jobs of the batch until it is settled or ctx ends, and returns its
// state then.
func (o *oneShot) help(ctx context.Context, std cli.Streams, c config.Config, e *serve.Engine) (store.Counts, error) {
	watch := newBatchWatch(std, e.Store, o.batch, o.progress)
	watch.runs = &abilities{kinds: e.Kinds, pools: c.Pools, unavailable: e.Pool.Unavailable}
	running, stopRunning := context.WithCancel(ctx)
	defer stopRunning()
	var (
		pool   sync.WaitGroup
		runErr error
	)
	pool.Go(func() {
		defer stopRunning()
		runErr = e.Pool.Run(running)
	})
	counts, err := watch.untilSettled(running)
	stopRunning()
	pool.Wait()
	if err == nil {
		return counts, nil
	}
	// Jobs were handed back meanwhile: the counts are those of now.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 500*time.Millisecond)
	defer cancel()
	if now, nowErr := e.Store.BatchCounts(last, o.batch); nowErr == nil {
		counts = now
	}
	if cause := context.Cause(ctx); cause != nil && len(watch.waits) > 0 {
		err = fmt.Errorf("%w: %s", cause, strings.Join(watch.waits, "; "))
	}
	return counts, cmp.Or(runErr, err)
}
