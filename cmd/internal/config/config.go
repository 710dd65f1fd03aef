package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/kelseyhightower/envconfig"

	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/store/devpg"
	"github.com/tagexec/tagexec/store/postgres"
)

// Prefix begins the names of all variables, before an underscore.
const Prefix = "TAGEXEC"

// MaxWorkers is the largest number of workers.
const MaxWorkers = 100_000

// Config is the configuration of an executor and of the commands that work on
// its queue. Load returns one.
type Config struct {
	DatabaseURL        string       `split_words:"true" desc:"the Postgres database that holds the queue, postgres://user:password@host:port/name"`
	Workers            Number       `default:"16" desc:"jobs that run at the same time"`
	Pools              List         `desc:"pools to take jobs from, separated by commas; empty: all"`
	Kinds              List         `desc:"kinds of job to run, separated by commas; empty: all that are configured"`
	PollInterval       cli.Duration `split_words:"true" default:"250ms" desc:"time between looks for jobs when there are none"`
	Lease              cli.Duration `default:"30s" desc:"how long the executor counts as alive without a heartbeat"`
	Heartbeat          cli.Duration `default:"5s" desc:"time between signs of life; at most half the lease"`
	ShutdownGrace      cli.Duration `split_words:"true" default:"20s" desc:"time for running jobs to finish after SIGTERM (tagexec run: 3s)"`
	JobTimeout         cli.Duration `split_words:"true" default:"1h" desc:"limit of one attempt of a job that sets none, and of its wait for what is unavailable"`
	SQLSources         Sources      `split_words:"true" desc:"databases for SQL jobs: name=url pairs, separated by spaces or commas"`
	CommandsDir        string       `split_words:"true" desc:"directory of the executables that command jobs may name"`
	CommandEnv         List         `split_words:"true" desc:"names of environment variables passed through to commands; those of tagexec with passwords are refused"`
	CommandEnvSettable List         `split_words:"true" desc:"names of environment variables that a payload may set"`
	CommandUser        string       `split_words:"true" desc:"user that commands run as, where the executor is root; empty: as the executor"`
	HTTPOrigins        List         `split_words:"true" desc:"origins that HTTP jobs may call, e.g. https://api.example.com"`
	SecretsDir         string       `split_words:"true" desc:"directory of the secrets that HTTP jobs may name"`
	Retention          cli.Duration `desc:"age at which finished jobs are deleted, e.g. 90d; empty: keep everything"`
	RetentionAttempts  cli.Duration `split_words:"true" desc:"age at which attempts are deleted whose job was; empty: as TAGEXEC_RETENTION, with their jobs"`
	HTTPAddr           string       `split_words:"true" default:"127.0.0.1:8089" desc:"address of the page, /healthz, /readyz and /metrics; the default falls to the next free port"`
	HTTPUser           string       `split_words:"true" desc:"login for everything but /healthz and /readyz"`
	HTTPPassword       string       `split_words:"true" desc:"its password"`
	MetricsToken       string       `split_words:"true" desc:"bearer token for /metrics, of at least 16 characters; the login above is good for it too"`
	UI                 UI
	PostgresVersion    string `split_words:"true" desc:"major version, 14 to 18, of the server that demo and standalone start; empty: an installed one, else 17"`
	LogFormat          string `split_words:"true" desc:"text or json; empty: text on a terminal, else json"`
	LogLevel           string `split_words:"true" default:"info" desc:"debug, info, warn or error"`
}

// Load reads the environment. An error is one of wrong usage: it lists every
// problem at once, each naming its variable. Empty variables are unset.
func Load() (Config, error) {
	var (
		c        Config
		problems []string
	)
	tidy()
	// envconfig stops at the first value it cannot read: note it, look past it, and put it back.
	for {
		var wrong *envconfig.ParseError
		err := envconfig.Process(Prefix, &c)
		if !errors.As(err, &wrong) {
			if err != nil {
				problems = append(problems, err.Error())
			}
			break
		}
		problems = append(problems, reason(wrong))
		value := os.Getenv(wrong.KeyName)
		os.Unsetenv(wrong.KeyName)
		defer os.Setenv(wrong.KeyName, value)
	}
	problems = append(problems, c.problems()...)
	if len(problems) > 0 {
		return c, cli.WrongConfiguration(problems)
	}
	return c, nil
}

// reason says what is wrong with a value that cannot be read.
func reason(wrong *envconfig.ParseError) string {
	switch wrong.TypeName {
	case "cli.Duration", "config.Number", "config.List", "config.Networks":
		return fmt.Sprintf("%s is %q: %v", wrong.KeyName, wrong.Value, wrong.Err)
	}
	return fmt.Sprintf("%s: %v", wrong.KeyName, wrong.Err) // Sources: the value holds passwords
}

// problems returns what is wrong with values that could be read.
func (c Config) problems() []string {
	var list []string
	check := func(ok bool, name, format string, args ...any) {
		if !ok {
			list = append(list, Prefix+"_"+name+" "+fmt.Sprintf(format, args...))
		}
	}
	check(c.Workers >= 1 && c.Workers <= MaxWorkers, "WORKERS", "is %d: must be from 1 to %d", c.Workers, MaxWorkers)
	check(c.PollInterval > 0, "POLL_INTERVAL", "is %s: must be more than 0", c.PollInterval)
	check(c.Heartbeat > 0, "HEARTBEAT", "is %s: must be more than 0", c.Heartbeat)
	check(c.Lease >= 2*c.Heartbeat, "LEASE", "is %s: must be at least twice %s_HEARTBEAT, which is %s", c.Lease, Prefix, c.Heartbeat)
	check(c.RetentionAttempts == 0 || c.Retention > 0 && c.RetentionAttempts >= c.Retention, "RETENTION_ATTEMPTS",
		"is %s: must be at least %s_RETENTION, which is %s; attempts go no sooner than their jobs, which show them", c.RetentionAttempts, Prefix, cmp.Or(c.Retention.String(), "not set"))
	check(c.JobTimeout > 0, "JOB_TIMEOUT", "is %s: must be more than 0", c.JobTimeout)
	check(c.LogFormat == "" || c.LogFormat == "text" || c.LogFormat == "json", "LOG_FORMAT", "is %q: must be text or json", c.LogFormat)
	check(slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel), "LOG_LEVEL", "is %q: must be debug, info, warn or error", c.LogLevel)
	check((c.HTTPUser == "") == (c.HTTPPassword == ""), "HTTP_USER", "and %s_HTTP_PASSWORD go together: set both or neither", Prefix)
	check(c.MetricsToken == "" || len(c.MetricsToken) >= minToken && !strings.ContainsFunc(c.MetricsToken, notInToken), "METRICS_TOKEN",
		"must have at least %d characters, all of them letters, digits or one of -._~+/=", minToken)
	c.UI.problems(check)
	check(c.UI.ViewerUser == "" || c.UI.ViewerUser != c.HTTPUser, "UI_VIEWER_USER", "is that of %s_HTTP_USER too: it must be another", Prefix)
	for _, names := range []struct {
		name string
		list List
	}{{"COMMAND_ENV", c.CommandEnv}, {"COMMAND_ENV_SETTABLE", c.CommandEnvSettable}} {
		for _, item := range names.list {
			check(isVariable(item), names.name, "names %q: must be names of variables, separated by commas", item)
			check(!slices.Contains(ourSecrets, item), names.name, "names %s, which holds passwords of tagexec: give a command that needs a login one of its own", item)
		}
	}
	for _, dir := range []struct{ name, path string }{{"COMMANDS_DIR", c.CommandsDir}, {"SECRETS_DIR", c.SecretsDir}} {
		if dir.path != "" {
			info, err := os.Stat(dir.path)
			check(err == nil && info.IsDir(), dir.name, "is %q: no such directory", dir.path)
		}
	}
	if c.DatabaseURL != "" {
		if _, err := postgres.Queue(c.DatabaseURL); err != nil {
			list = append(list, fmt.Sprintf("%s_DATABASE_URL: %v", Prefix, err))
		}
	}
	if _, err := devpg.ParseVersion(c.PostgresVersion); err != nil {
		list = append(list, err.Error())
	}
	for _, name := range slices.Sorted(maps.Keys(c.SQLSources)) {
		if _, err := runner.ParseSource(c.SQLSources[name]); err != nil {
			list = append(list, fmt.Sprintf("%s_SQL_SOURCES: source %q: %v", Prefix, name, err))
		}
	}
	return list
}

// Secrets are the passwords of c, which Load returned.
func (c Config) Secrets() []string {
	list := []string{c.HTTPPassword, c.MetricsToken, c.UI.ViewerPassword}
	for _, url := range []string{c.DatabaseURL, c.UI.DatabaseURL} {
		if d, err := postgres.Queue(url); err == nil {
			list = append(list, d.Password())
		}
	}
	for _, url := range c.SQLSources {
		if s, err := runner.ParseSource(url); err == nil {
			list = append(list, s.Password())
		}
	}
	return list
}

// LoadWithDatabase is Load for a command that needs a database of the user's.
func LoadWithDatabase() (Config, error) {
	c, err := Load()
	if err == nil && c.DatabaseURL == "" {
		err = cli.Usagef("%s_DATABASE_URL is not set: give the Postgres database that holds the queue, "+
			"or try `tagexec demo` (everything on sample data) or `tagexec standalone` (a database of its own)", Prefix)
		if unknown := UnknownVariables(); len(unknown) > 0 {
			err = cli.Usagef("%w; %s is set and means nothing to tagexec: is it misspelt?", err, strings.Join(unknown, ", "))
		}
	}
	return c, err
}
