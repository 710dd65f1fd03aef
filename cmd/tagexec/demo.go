package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/access"
	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/cmd/internal/serve"
	"github.com/tagexec/tagexec/cmd/internal/wait"
	"github.com/tagexec/tagexec/cmd/tagexec/internal/demo"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/devpg"
	"github.com/tagexec/tagexec/store/postgres"
)

func demoCommand(std cli.Streams) *cobra.Command {
	var (
		workers int
		stay    bool
	)
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run real tag jobs on sample data; needs no database and no configuration",
		Long: "demo starts a throwaway Postgres, loads the CDNOW purchase log (Fader & Hardie, 2001), submits tag jobs for\n" +
			"18 month ends and runs them through the pool: SQL, commands and HTTP calls, a limited pool, a mutex key,\n" +
			"and one job that fails and is tried again.",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if workers < 1 || workers > config.MaxWorkers {
				return cli.Usagef("--workers is %d: must be from 1 to %d", workers, config.MaxWorkers)
			}
			c, err := config.Load()
			if err != nil {
				return err
			}
			return runDemo(cmd.Context(), std, c, workers, stay)
		},
	}
	cmd.Flags().IntVar(&workers, "workers", 3, "jobs that run at the same time")
	cmd.Flags().BoolVar(&stay, "stay", false, "keep the database, the executor and the page up after the summary until Ctrl-C")
	return cmd
}

func runDemo(ctx context.Context, std cli.Streams, c config.Config, workers int, stay bool) (err error) {
	say := func(format string, args ...any) { fmt.Fprintf(std.Err, format+"\n", args...) }
	say("starting a throwaway Postgres …")
	server, err := devpg.Start(ctx, devpg.Options{Log: say})
	if err != nil {
		return cli.WithLines("start the embedded Postgres", err)
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	// Within the server's directory, so that it goes with it, also after a kill -9.
	dir, err := os.MkdirTemp(server.DataDir(), "demo-")
	if err != nil {
		return cli.Usagef("make a directory for the demo: %w", err)
	}

	d := &demonstration{std: std, config: c, patience: 30 * time.Second}
	d.config.Workers = config.Number(workers)
	if err := d.prepare(ctx, server, dir, say); err != nil {
		return err
	}
	return d.run(ctx, func(queue *store.Store, page string) error {
		failed, err := d.summarise(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(std.Out, "\nThe history is in tables; for instance\n\n%s\n", historySQL)
		if stay {
			b, err := demo.Backfill(d.places, time.Now())
			if err != nil {
				return err
			}
			if _, err := queue.Submit(ctx, b.Key, b.Jobs, b.Context, "retry_failed"); err != nil {
				return err
			}
			fmt.Fprintf(std.Out, "\nThe batch %s runs now, with %d jobs: some wait, one prints, a few fail.\n", b.Key, b.Count)
			fmt.Fprintf(std.Out, "\nDatabase, executor and page stay up until Ctrl-C:\n\n  psql '%s'\n\n  %s\n", d.config.DatabaseURL, page)
			<-ctx.Done()
			return context.Cause(ctx)
		}
		fmt.Fprintln(std.Out, "\n`tagexec demo --stay` keeps it all up, with a page in the browser to look at it.")
		if failed > 0 {
			return cli.Exit(cli.ExitJobs)
		}
		return nil
	})
}

const historySQL = `  SELECT j.tag, j.biz_date, a.attempt, a.outcome, a.finished_at - a.started_at AS took, a.rows_affected, a.error
    FROM tagexec.tag_job_attempts a JOIN tagexec.tag_jobs j ON j.id = a.job_id
   WHERE a.outcome <> 'succeeded' OR a.finished_at - a.started_at > interval '150 ms'
   ORDER BY a.started_at;`

// demonstration is one run of the demo.
type demonstration struct {
	std     cli.Streams
	config  config.Config
	places  demo.Places
	batches []demo.Batch
	closers []func()
	took    time.Duration

	patience time.Duration // with a server in which nothing moves: its longest pause is a retry's, of some 5 seconds
}

// prepare loads the sample data, and sets up what the jobs need: a pool, a
// login, commands and an endpoint.
func (d *demonstration) prepare(ctx context.Context, server *devpg.Server, dir string, say func(string, ...any)) (err error) {
	c := &d.config
	if c.DatabaseURL, err = prepareQueue(ctx, server); err != nil {
		return err
	}
	var loaded demo.Loaded
	err = withConn(ctx, c.DatabaseURL, func(conn *pgx.Conn) (err error) {
		if loaded, err = demo.Load(ctx, conn); err != nil {
			return err
		}
		_, err = conn.Exec(ctx, "INSERT INTO tagexec.tag_pools (pool, slots, description) VALUES ($1, $2, $3)",
			demo.Pool, demo.PoolSlots, "jobs that rank every customer")
		return err
	})
	if err != nil {
		return err
	}
	say("loaded %d purchases of %d customers, %s to %s (CDNOW; Fader & Hardie, 2001)", loaded.Purchases, loaded.Customers,
		loaded.FirstOn.Format(time.DateOnly), loaded.LastOn.Format(time.DateOnly))
	login, err := jobLogin(ctx, server, "demo_jobs", queueDatabase)
	if err != nil {
		return err
	}
	err = withConn(ctx, c.DatabaseURL, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "GRANT USAGE ON SCHEMA demo TO demo_jobs; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA demo TO demo_jobs")
		return err
	})
	if err != nil {
		return err
	}
	c.SQLSources = config.Sources{demo.Source: login}
	c.CommandsDir, c.Kinds, c.Pools = filepath.Join(dir, "commands"), nil, nil
	manifests := filepath.Join(dir, "manifests")
	if err := errors.Join(os.Mkdir(c.CommandsDir, 0o755), os.Mkdir(manifests, 0o755), demo.WriteCommands(c.CommandsDir)); err != nil {
		return err
	}
	endpoint, err := d.serveEndpoint()
	if err != nil {
		return err
	}
	c.HTTPOrigins = []string{endpoint}
	d.places = demo.Places{EndpointURL: endpoint, ManifestDir: manifests}
	d.batches, err = demo.Batches(d.places)
	return err
}

// serveEndpoint serves the system that tags are published to.
func (d *demonstration) serveEndpoint() (origin string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: demo.Endpoint(), ReadHeaderTimeout: 5 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) }) // ends with ErrServerClosed
	d.closers = append(d.closers, func() { server.Close(); serving.Wait() })
	return "http://" + listener.Addr().String(), nil
}

// run submits the batches and runs them to their end. Then, with executor and page still
// there, it calls then with the queue and the address of the page.
func (d *demonstration) run(ctx context.Context, then func(queue *store.Store, page string) error) error {
	defer func() {
		for _, c := range d.closers {
			c()
		}
	}()
	if !config.Given("LOG_LEVEL") { // the demo's own lines say what happens
		d.config.LogLevel, d.config.LogFormat = "error", "text"
	}
	if !config.Given("SHUTDOWN_GRACE") {
		d.config.ShutdownGrace = cli.Duration(oneShotGrace)
	}
	e, err := serve.Open(ctx, d.config, "", d.config.Logger(d.std.Err))
	if err != nil {
		return err
	}
	defer e.Close()
	server, err := serve.Show(d.config, e, access.Operator, d.config.Logger(d.std.Err))
	if err != nil {
		return err
	}
	defer server.Close()
	database, err := postgres.Queue(d.config.DatabaseURL)
	if err != nil {
		return err
	}
	db, err := database.Pool("tagexec demo", 4, nil)
	if err != nil {
		return err
	}
	defer db.Close()

	total := 0
	for _, b := range d.batches {
		total += b.Count
	}
	fmt.Fprintf(d.std.Err, "running %d jobs of %d business dates with %d workers; look at %s\n", total, len(demo.BizDates()), d.config.Workers, server.PageURL())
	running, stop := context.WithCancel(ctx)
	defer stop()
	var (
		pool   sync.WaitGroup
		runErr error
		began  = time.Now()
	)
	pool.Go(func() {
		defer stop()
		runErr = e.Pool.Run(running)
	})
	err = d.submit(running, e, db.Pool, total)
	d.took = time.Since(began)
	if err == nil {
		err = then(e.Store, server.PageURL())
	}
	stop()
	pool.Wait()
	return errors.Join(runErr, err)
}

// submit submits each batch when the one it waits for is settled, as a
// scheduler would, and returns when all jobs are done.
func (d *demonstration) submit(ctx context.Context, e *serve.Engine, db *pgxpool.Pool, total int) error {
	bar := cli.NewProgress(d.std.Err, 2*time.Second, "jobs done")
	defer bar.End()
	var (
		seen  string // of the states
		since = time.Now()
	)
	for next := 0; ; {
		for ; next < len(d.batches); next++ {
			b := d.batches[next]
			if b.After != "" {
				counts, err := e.Store.BatchCounts(ctx, b.After)
				if err != nil {
					return err
				}
				if !counts.Settled() {
					break
				}
			}
			if _, err := e.Store.Submit(ctx, b.Key, b.Jobs, b.Context, "retry_failed"); err != nil {
				return err
			}
		}
		states, err := demo.StateCounts(ctx, db)
		if err != nil {
			return err
		}
		count := map[string]int64{}
		for _, s := range states {
			count[s.State] = s.Jobs
		}
		done := int(count["succeeded"] + count["failed"] + count["cancelled"])
		bar.Show(done, total, fmt.Sprintf("%d running", count["running"]))
		if done == total {
			return nil
		}
		if now := fmt.Sprint(count); now != seen {
			seen, since = now, time.Now()
		} else if time.Since(since) > d.patience {
			return d.stalled(ctx, db)
		}
		if err := wait.For(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// stalled says why nothing moves, as far as the server tells: an executor waits
// for a full disk as long as it takes, a demo does not.
func (d *demonstration) stalled(ctx context.Context, db *pgxpool.Pool) error {
	_, err := db.Exec(ctx, "CREATE TEMP TABLE probe AS SELECT repeat('x', 1000) FROM generate_series(1, 1000)")
	if err == nil {
		err = errors.New("the log of the server may tell why")
	}
	return cli.Usagef("no job has moved for %s: %w", d.patience, err)
}
