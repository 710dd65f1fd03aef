package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/store"
)

// engine is an executor and what it stands on.
type engine struct {
	store *store.Store
	pool  *executor.Pool
	close func()
}

// commandKillGrace is shorter than what the engine gives a runner to return.
const commandKillGrace = 2 * time.Second

// newEngine opens the store, checks its schema and sets up an executor for the
// kinds that are configured, restricted to one batch if that is not empty.
// Close it after its pool has run.
func newEngine(ctx context.Context, c config, batch string, log *slog.Logger) (*engine, error) {
	st, err := openStore(ctx, c)
	if err != nil {
		return nil, err
	}
	runners, closeRunners, err := newRunners(ctx, c)
	if err != nil {
		st.Close()
		return nil, err
	}
	queue := st.Queue(store.QueueConfig{
		Kinds: slices.Sorted(maps.Keys(runners)), Pools: orNil(c.Pools), Batch: batch, Timeout: c.JobTimeout,
	})
	pool, err := executor.New(executor.Config{
		Queue: queue, Runners: runners, Workers: c.Workers, Pools: orNil(c.Pools), Version: buildVersion(),
		PollInterval: c.PollInterval, Lease: c.Lease, Heartbeat: c.Heartbeat, Grace: c.ShutdownGrace, JobTimeout: c.JobTimeout,
		Log: log,
	})
	if err != nil {
		closeRunners()
		st.Close()
		return nil, err
	}
	return &engine{store: st, pool: pool, close: func() { closeRunners(); st.Close() }}, nil
}

// openStore connects to the queue and checks that its schema fits.
func openStore(ctx context.Context, c config) (*store.Store, error) {
	st, err := store.Open(c.DatabaseURL, "tagexec")
	if err != nil {
		return nil, usagef("%s_DATABASE_URL: %v", prefix, err)
	}
	if err := st.CheckSchema(ctx); err != nil {
		st.Close()
		var schema *store.SchemaError
		if !errors.As(err, &schema) {
			err = fmt.Errorf("%s: %w", redacted(c.DatabaseURL), err)
		}
		return nil, err
	}
	return st, nil
}

// newRunners sets up a runner for each kind that is configured. The error
// lists everything wrong.
func newRunners(ctx context.Context, c config) (map[string]executor.Runner, func(), error) {
	var (
		runners  = map[string]executor.Runner{}
		closers  []func()
		problems []string
	)
	wanted := func(kind string) bool { return len(c.Kinds) == 0 || slices.Contains(c.Kinds, kind) }
	if len(c.SQLSources) > 0 && wanted("sql") {
		if r, err := runner.NewSQL(ctx, c.SQLSources, runner.SQLOptions{PoolSize: c.Workers}); err != nil {
			problems = append(problems, prefix+"_SQL_SOURCES: "+err.Error())
		} else {
			runners["sql"], closers = r, append(closers, r.Close)
		}
	}
	if c.CommandsDir != "" && wanted("command") {
		r, err := runner.NewCommand(runner.CommandOptions{
			Dir: c.CommandsDir, Env: c.CommandEnv, EnvSettable: c.CommandEnvSettable, KillGrace: commandKillGrace,
		})
		if err != nil {
			problems = append(problems, prefix+"_COMMANDS_DIR: "+err.Error())
		} else {
			runners["command"], closers = r, append(closers, r.Close)
		}
	}
	if len(c.HTTPOrigins) > 0 && wanted("http") {
		if r, err := runner.NewHTTP(runner.HTTPOptions{Origins: c.HTTPOrigins, SecretsDir: c.SecretsDir}); err != nil {
			problems = append(problems, prefix+"_HTTP_ORIGINS: "+err.Error())
		} else {
			runners["http"], closers = r, append(closers, r.Close)
		}
	}
	needs := map[string]string{"sql": "SQL_SOURCES", "command": "COMMANDS_DIR", "http": "HTTP_ORIGINS"}
	for _, kind := range c.Kinds {
		if variable, known := needs[kind]; !known {
			problems = append(problems, fmt.Sprintf("%s_KINDS names %q; this program runs sql, command and http", prefix, kind))
		} else if runners[kind] == nil && len(problems) == 0 {
			problems = append(problems, fmt.Sprintf("%s_KINDS names %q, which needs %s_%s", prefix, kind, prefix, variable))
		}
	}
	if len(runners) == 0 && len(problems) == 0 {
		problems = append(problems, fmt.Sprintf("this executor could run no job: set at least one of %[1]s_SQL_SOURCES, %[1]s_COMMANDS_DIR, %[1]s_HTTP_ORIGINS", prefix))
	}
	closeAll := func() {
		for _, c := range closers {
			c()
		}
	}
	if len(problems) > 0 {
		closeAll()
		return nil, nil, usagef("the configuration is wrong:\n  %s\n`tagexec help config` lists all variables", strings.Join(problems, "\n  "))
	}
	return runners, closeAll, nil
}

// orNil turns an empty list into nil, which means all.
func orNil(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}
