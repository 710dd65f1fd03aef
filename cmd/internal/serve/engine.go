package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/cmd/internal/metrics"
	"github.com/tagexec/tagexec/cmd/internal/version"
	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/store"
)

// Engine is an executor and what it stands on. Close it after its Pool has run.
type Engine struct {
	Store *store.Store
	Pool  *executor.Pool
	Kinds []string // that it runs
	Close func()

	Metrics *metrics.Metrics
}

// commandKillGrace is shorter than what the engine gives a runner to return.
const commandKillGrace = 2 * time.Second

// Open opens the store, checks its schema and sets up an executor for the
// kinds that are configured, restricted to one batch if that is not empty.
func Open(ctx context.Context, c config.Config, batch string, log *slog.Logger) (*Engine, error) {
	for _, name := range config.UnknownVariables() {
		log.Warn("a variable means nothing to tagexec; is it misspelt?", "variable", name)
	}
	st, err := OpenStore(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := warnOfMissingPools(ctx, st, c, log); err != nil {
		st.Close()
		return nil, err
	}
	queue, err := st.QueueName(ctx)
	if err != nil {
		st.Close()
		return nil, err
	}
	runners, closeRunners, err := newRunners(ctx, c, queue, log)
	if err != nil {
		st.Close()
		return nil, err
	}
	if runners["command"] != nil && c.CommandUser == "" && os.Geteuid() == 0 {
		log.Warn("commands run as root, from whom nothing of this executor can be kept: start it as another user, or set " + config.Prefix + "_COMMAND_USER")
	}
	for _, name := range c.CommandEnv {
		if strings.HasPrefix(name, "PG") && strings.HasSuffix(name, "PASSWORD") && os.Getenv(name) != "" {
			log.Warn("commands are given a password that tagexec may use itself; it is kept out of their output", "variable", name)
		}
	}
	kinds := slices.Sorted(maps.Keys(runners))
	numbers := metrics.New(metrics.Config{Version: version.String(), Kinds: kinds, Pools: c.Pools, Queue: st, Log: log})
	tracer, closeTracer, err := newTracer(ctx, st, log)
	if err != nil {
		closeRunners()
		st.Close()
		return nil, err
	}
	closeAll := func() { closeBoth(closeRunners, st.Close); closeTracer() }
	pool, err := executor.New(st, executor.Config{
		Runners: runners, Workers: int(c.Workers), Pools: c.Pools, Batch: batch, Version: version.String(),
		PollInterval: time.Duration(c.PollInterval), Lease: time.Duration(c.Lease), Heartbeat: time.Duration(c.Heartbeat),
		Grace: time.Duration(c.ShutdownGrace), JobTimeout: time.Duration(c.JobTimeout),
		Log: log, Observer: numbers, Tracer: tracer,
	})
	if err != nil {
		closeAll()
		return nil, err
	}
	numbers.Follow(pool.Load)
	if sources, ok := runners["sql"].(*runner.SQL); ok {
		numbers.FollowSources(sources.Connections)
	}
	return &Engine{Store: st, Pool: pool, Kinds: kinds, Metrics: numbers, Close: closeAll}, nil
}

// closeBoth calls both at the same time: each may wait a moment for a server that
// does not answer.
func closeBoth(first, second func()) {
	var closing sync.WaitGroup
	closing.Go(first)
	closing.Go(second)
	closing.Wait()
}

// warnOfMissingPools names pools of the configuration that do not exist: they may
// be created later, or are misspelt.
func warnOfMissingPools(ctx context.Context, st *store.Store, c config.Config, log *slog.Logger) error {
	if len(c.Pools) == 0 {
		return nil
	}
	missing, err := st.MissingPools(ctx, c.Pools)
	for _, pool := range missing {
		log.Warn("a pool of "+config.Prefix+"_POOLS does not exist; is it misspelt?", "pool", pool)
	}
	return err
}

// OpenStore connects to the queue and checks that its schema fits.
func OpenStore(ctx context.Context, c config.Config) (*store.Store, error) {
	st, err := store.Open(c.DatabaseURL, "tagexec")
	if err != nil {
		return nil, cli.Usagef("%s_DATABASE_URL: %v", config.Prefix, err)
	}
	if err := st.CheckSchema(ctx); err != nil {
		st.Close()
		var schema *store.SchemaError
		if !errors.As(err, &schema) {
			err = st.Locate(err)
		}
		return nil, err
	}
	return st, nil
}

// newRunners sets up a runner for each kind that is configured. The error
// lists everything wrong.
func newRunners(ctx context.Context, c config.Config, queue string, log *slog.Logger) (executor.Runners, func(), error) {
	var (
		runners  = executor.Runners{}
		closers  []func()
		problems []string
	)
	refused := func(variable string, err error) { // each line of the error is a problem
		for line := range strings.Lines(err.Error()) {
			problems = append(problems, config.Prefix+"_"+variable+": "+strings.TrimSuffix(line, "\n"))
		}
	}
	wanted := func(kind string) bool { return len(c.Kinds) == 0 || slices.Contains(c.Kinds, kind) }
	if len(c.SQLSources) > 0 && wanted("sql") {
		if r, err := runner.NewSQL(ctx, c.SQLSources, runner.SQLOptions{PoolSize: int(c.Workers), Queue: queue, Log: log}); err != nil {
			refused("SQL_SOURCES", err)
		} else {
			runners["sql"], closers = r, append(closers, r.Close)
		}
	}
	if c.CommandsDir != "" && wanted("command") {
		r, err := runner.NewCommand(runner.CommandOptions{
			Dir: c.CommandsDir, Env: c.CommandEnv, EnvSettable: c.CommandEnvSettable, User: c.CommandUser, Secrets: c.Secrets(), Workers: int(c.Workers), KillGrace: commandKillGrace,
		})
		if err != nil {
			refused("COMMANDS_DIR", err)
		} else {
			runners["command"], closers = r, append(closers, r.Close)
		}
	}
	if len(c.HTTPOrigins) > 0 && wanted("http") {
		if r, err := runner.NewHTTP(runner.HTTPOptions{Origins: c.HTTPOrigins, SecretsDir: c.SecretsDir}); err != nil {
			refused("HTTP_ORIGINS", err)
		} else {
			runners["http"], closers = r, append(closers, r.Close)
		}
	}
	needs := map[string]string{"sql": "SQL_SOURCES", "command": "COMMANDS_DIR", "http": "HTTP_ORIGINS"}
	can := strings.Join(slices.Sorted(maps.Keys(needs)), ", ")
	for _, kind := range c.Kinds {
		if variable, known := needs[kind]; !known {
			problems = append(problems, fmt.Sprintf("%s_KINDS names %q; this program runs %s", config.Prefix, kind, can))
		} else if runners[kind] == nil && len(problems) == 0 {
			problems = append(problems, fmt.Sprintf("%s_KINDS names %q, which needs %s_%s", config.Prefix, kind, config.Prefix, variable))
		}
	}
	if len(runners) == 0 && len(problems) == 0 {
		problems = append(problems, fmt.Sprintf("this executor could run no job: set at least one of %[1]s_SQL_SOURCES, %[1]s_COMMANDS_DIR, %[1]s_HTTP_ORIGINS", config.Prefix))
	}
	closeAll := func() {
		for _, c := range closers {
			c()
		}
	}
	if len(problems) > 0 {
		closeAll()
		return nil, nil, cli.WrongConfiguration(problems)
	}
	return runners, closeAll, nil
}
