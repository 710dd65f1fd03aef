package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/cmd/internal/serve"
	"github.com/tagexec/tagexec/cmd/internal/wait"
	"github.com/tagexec/tagexec/cmd/tagexec-bench/internal/replay"
)

// sleepers is the limited pool of jobs that sleep.
const sleepers, sleeperSlots = "sleepers", 6

// demonstration is a demo that stays up when it is done.
type demonstration struct {
	cmd     *exec.Cmd
	reading sync.WaitGroup
	url     string // of its database, of a superuser
}

var demoURL = regexp.MustCompile(`psql '(postgres://[^']+)'`)

// startDemo runs the demo and returns when its jobs are done.
func startDemo(ctx context.Context, program string) (*demonstration, error) {
	d := &demonstration{cmd: exec.CommandContext(ctx, program, "demo", "--stay")}
	d.cmd.Cancel = func() error { return d.cmd.Process.Signal(syscall.SIGTERM) }
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		return nil, cli.Usagef("start the demo: %w", err)
	}
	if err := d.cmd.Start(); err != nil {
		return nil, cli.Usagef("start the demo: %w", err)
	}
	lines := bufio.NewScanner(out)
	for d.url == "" && lines.Scan() {
		if found := demoURL.FindStringSubmatch(lines.Text()); found != nil {
			d.url = found[1]
		}
	}
	if d.url == "" {
		return nil, errors.Join(errors.New("the demo ended before it said where its database is"), d.stop())
	}
	d.reading.Go(func() { _, _ = io.Copy(io.Discard, out) }) // until it ends
	if err := d.empty(ctx); err != nil {
		return nil, errors.Join(err, d.stop())
	}
	return d, nil
}

// empty ends what the demo goes on with, so that all that runs is ours.
func (d *demonstration) empty(ctx context.Context) error {
	err := withQueue(ctx, d.url, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "SELECT tagexec.cancel_batch(batch, 'not a night') FROM tagexec.tag_batches WHERE cancel_requested_at IS NULL; "+
			"SELECT tagexec.drain_executor(id, 'nights have executors of their own') FROM tagexec.tag_executors WHERE stopped_at IS NULL")
		for ended := false; err == nil && !ended; {
			if err = wait.For(ctx, 100*time.Millisecond); err == nil {
				err = conn.QueryRow(ctx, "SELECT NOT EXISTS (SELECT FROM tagexec.tag_executors WHERE stopped_at IS NULL)").Scan(&ended)
			}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("end what the demo goes on with: %w", err)
	}
	return nil
}

// stop ends the demo, which ends its server.
func (d *demonstration) stop() error {
	_ = d.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	d.reading.Wait()
	if err, ended := d.cmd.Wait(), (*exec.ExitError)(nil); err != nil && !errors.As(err, &ended) {
		return fmt.Errorf("end the demo: %w", err)
	}
	return nil
}

// sleep runs nights of sleeps on two executors of eight workers.
func (d *demonstration) sleep(ctx context.Context, n *replay.Nights) error {
	_, err := n.DB.Exec(ctx, "INSERT INTO tagexec.tag_pools (pool, slots) VALUES ($1, $2)", sleepers, sleeperSlots)
	if err != nil {
		return fmt.Errorf("make a pool: %w", err)
	}
	return d.with(ctx, 2, 8, func(ctx context.Context) error { return n.Sleeps(ctx, sleepers) })
}

// demo runs nights of the demo's jobs on an executor like the demo's.
func (d *demonstration) demo(ctx context.Context, n *replay.Nights) error {
	return d.with(ctx, 1, 3, n.Demo)
}

// with calls do while so many executors run SQL jobs.
func (d *demonstration) with(ctx context.Context, executors, workers int, do func(context.Context) error) error {
	c, err := config.Load()
	if err != nil {
		return err
	}
	login, err := d.jobLogin(ctx)
	if err != nil {
		return err
	}
	c.DatabaseURL, c.Workers, c.Kinds, c.Pools = d.url, config.Number(workers), config.List{"sql"}, nil
	c.SQLSources = config.Sources{"demo": login}
	running, stop := context.WithCancelCause(ctx)
	var pools sync.WaitGroup
	defer pools.Wait()
	defer stop(nil)
	for range executors {
		e, err := serve.Open(ctx, c, "", slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		pools.Go(func() {
			defer e.Close()
			if err := e.Pool.Run(running); err != nil {
				stop(err)
			}
		})
	}
	return do(running)
}

// jobLogin gives the login of the demo's SQL jobs another password, and returns its URL.
func (d *demonstration) jobLogin(ctx context.Context) (string, error) {
	u, err := url.Parse(d.url)
	if err != nil {
		return "", fmt.Errorf("read the demo's URL: %w", err)
	}
	password := rand.Text()
	err = withQueue(ctx, d.url, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, fmt.Sprintf("ALTER ROLE demo_jobs PASSWORD '%s'", password)) // letters and digits only
		return err
	})
	u.User = url.UserPassword("demo_jobs", password)
	return u.String(), err
}
