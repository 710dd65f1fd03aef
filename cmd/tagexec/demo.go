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

	"github.com/tagexec/tagexec/cmd/tagexec/demo"
	"github.com/tagexec/tagexec/store/devpg"
)

func demoCommand(std stdio) *cobra.Command {
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
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if workers < 1 {
				return usagef("--workers is %d: must be at least 1", workers)
			}
			c, err := loadConfig()
			if err != nil {
				return err
			}
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			return orSignal(ctx, runDemo(ctx, std, c, workers, stay))
		},
	}
	cmd.Flags().IntVar(&workers, "workers", 3, "jobs that run at the same time")
	cmd.Flags().BoolVar(&stay, "stay", false, "keep the database up after the summary until Ctrl-C")
	return cmd
}

func runDemo(ctx context.Context, std stdio, c config, workers int, stay bool) (err error) {
	say := func(format string, args ...any) { fmt.Fprintf(std.err, format+"\n", args...) }
	say("starting a throwaway Postgres …")
	server, err := devpg.Start(ctx, devpg.Options{Log: say})
	if err != nil {
		return usagef("start the embedded Postgres: %w", err)
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	// Within the server's directory, so that it goes with it, also after a kill -9.
	dir, err := os.MkdirTemp(server.DataDir(), "demo-")
	if err != nil {
		return usagef("make a directory for the demo: %w", err)
	}

	d := &demonstration{std: std, config: c}
	d.config.Workers = workers
	if err := d.prepare(ctx, server, dir, say); err != nil {
		return err
	}
	if err := d.run(ctx); err != nil {
		return err
	}
	failed, err := d.summarise(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(std.out, "\nThe history is in tables; for instance\n\n%s\n", historySQL)
	if stay {
		fmt.Fprintf(std.out, "\nThe database stays up until Ctrl-C:\n\n  psql '%s'\n", d.config.DatabaseURL)
		<-ctx.Done()
	} else {
		fmt.Fprintln(std.out, "\n`tagexec demo --stay` keeps the database up to look at it.")
	}
	if failed > 0 {
		return exit(exitJobs)
	}
	return nil
}

const historySQL = `  SELECT j.tag, j.biz_date, a.attempt, a.outcome, a.finished_at - a.started_at AS took, a.rows_affected, a.error
    FROM tagexec.tag_job_attempts a JOIN tagexec.tag_jobs j ON j.id = a.job_id
   WHERE a.outcome <> 'succeeded' OR a.finished_at - a.started_at > interval '150 ms'
   ORDER BY a.started_at;`

// demonstration is one run of the demo.
type demonstration struct {
	std     stdio
	config  config
	batches []demo.Batch
	closers []func()
	took    time.Duration
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
	c.SQLSources = sources{demo.Source: login}
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
	d.batches, err = demo.Batches(demo.Places{EndpointURL: endpoint, ManifestDir: manifests})
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

// run submits the batches and runs them to their end.
func (d *demonstration) run(ctx context.Context) error {
	defer func() {
		for _, c := range d.closers {
			c()
		}
	}()
	log := d.config.logger(d.std.err)
	if os.Getenv(prefix+"_LOG_LEVEL") == "" {
		log = quiet(d.std.err)
	}
	e, err := newEngine(ctx, d.config, "", log)
	if err != nil {
		return err
	}
	defer e.close()
	db, err := pgxpool.New(ctx, d.config.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()

	total := 0
	for _, b := range d.batches {
		total += b.Count
	}
	fmt.Fprintf(d.std.err, "running %d jobs of %d business dates with %d workers\n", total, len(demo.BizDates()), d.config.Workers)
	running, stop := context.WithCancel(ctx)
	defer stop()
	var (
		pool   sync.WaitGroup
		runErr error
		began  = time.Now()
	)
	pool.Go(func() {
		defer stop()
		runErr = e.pool.Run(running)
	})
	err = d.submit(running, e, db, total)
	d.took = time.Since(began)
	stop()
	pool.Wait()
	return errors.Join(runErr, err)
}

// submit submits each batch when the one it waits for is settled, as a
// scheduler would, and returns when all jobs are done.
func (d *demonstration) submit(ctx context.Context, e *engine, db *pgxpool.Pool, total int) error {
	bar := newProgress(d.std.err, 2*time.Second)
	defer bar.end()
	for next := 0; ; {
		for ; next < len(d.batches); next++ {
			b := d.batches[next]
			if b.After != "" {
				counts, err := e.store.BatchCounts(ctx, b.After)
				if err != nil {
					return err
				}
				if !counts.Settled() {
					break
				}
			}
			if _, err := e.store.Submit(ctx, b.Key, b.Jobs, b.Context, "retry_failed"); err != nil {
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
		bar.show(done, total, fmt.Sprintf("%d running", count["running"]))
		if done == total {
			return nil
		}
		timer := time.NewTimer(100 * time.Millisecond)
		select {
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-timer.C:
		}
	}
}
