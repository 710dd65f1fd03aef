package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/kelseyhightower/envconfig"
	"github.com/spf13/cobra"
)

const prefix = "TAGEXEC"

// config is the whole configuration; nothing else reads the environment.
type config struct {
	DatabaseURL        string        `split_words:"true" desc:"the Postgres database that holds the queue, postgres://user:password@host:port/name"`
	Workers            int           `default:"16" desc:"jobs that run at the same time"`
	Pools              []string      `desc:"pools to take jobs from, separated by commas; empty: all"`
	Kinds              []string      `desc:"kinds of job to run, separated by commas; empty: all that are configured"`
	PollInterval       time.Duration `split_words:"true" default:"250ms" desc:"time between looks for jobs when there are none"`
	Lease              time.Duration `default:"30s" desc:"how long the executor counts as alive without a heartbeat"`
	Heartbeat          time.Duration `default:"5s" desc:"time between signs of life; at most half the lease"`
	ShutdownGrace      time.Duration `split_words:"true" default:"20s" desc:"time for running jobs to finish after SIGTERM (tagexec run: 3s)"`
	JobTimeout         time.Duration `split_words:"true" default:"1h" desc:"limit of one attempt of a job that sets none"`
	SQLSources         sources       `split_words:"true" desc:"databases for SQL jobs: name=url pairs, separated by spaces or commas"`
	CommandsDir        string        `split_words:"true" desc:"directory of the executables that command jobs may name"`
	CommandEnv         []string      `split_words:"true" desc:"names of environment variables passed through to commands"`
	CommandEnvSettable []string      `split_words:"true" desc:"names of environment variables that a payload may set"`
	HTTPOrigins        []string      `split_words:"true" desc:"origins that HTTP jobs may call, e.g. https://api.example.com"`
	SecretsDir         string        `split_words:"true" desc:"directory of the secrets that HTTP jobs may name"`
	Retention          time.Duration `desc:"age at which finished jobs are deleted, e.g. 2160h; empty: keep everything"`
	HTTPAddr           string        `split_words:"true" default:"127.0.0.1:8089" desc:"address of /healthz and /readyz; the default falls to the next free port"`
	HTTPUser           string        `split_words:"true" desc:"login for everything but /healthz and /readyz"`
	HTTPPassword       string        `split_words:"true" desc:"its password"`
	LogFormat          string        `split_words:"true" desc:"text or json; empty: text on a terminal, else json"`
	LogLevel           string        `split_words:"true" default:"info" desc:"debug, info, warn or error"`
}

// loadConfig reads the environment. The error lists every problem at once,
// each naming its variable.
func loadConfig() (config, error) {
	var (
		c        config
		problems []string
	)
	// An empty variable counts as not set, so that a compose file can leave one out.
	for _, v := range variables() {
		if value, set := os.LookupEnv(v.name); set && value == "" {
			os.Unsetenv(v.name)
		}
	}
	// envconfig stops at the first value it cannot read: note it, look past it, and put it back.
	for {
		var wrong *envconfig.ParseError
		err := envconfig.Process(prefix, &c)
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
		return c, usagef("the configuration is wrong:\n  %s\n`tagexec help config` lists all variables", strings.Join(problems, "\n  "))
	}
	return c, nil
}

// reason says what is wrong with a value that cannot be read.
func reason(wrong *envconfig.ParseError) string {
	switch wrong.TypeName {
	case "time.Duration":
		return fmt.Sprintf("%s is %q: must be a duration such as 250ms, 30s or 1h", wrong.KeyName, wrong.Value)
	case "int":
		return fmt.Sprintf("%s is %q: must be a whole number", wrong.KeyName, wrong.Value)
	}
	return fmt.Sprintf("%s: %v", wrong.KeyName, wrong.Err) // sources: the value holds passwords
}

// problems returns what is wrong with values that could be read.
func (c config) problems() []string {
	var list []string
	check := func(ok bool, name, format string, args ...any) {
		if !ok {
			list = append(list, prefix+"_"+name+" "+fmt.Sprintf(format, args...))
		}
	}
	check(c.Workers >= 1 && c.Workers <= 100_000, "WORKERS", "is %d: must be from 1 to 100000", c.Workers)
	check(c.PollInterval > 0, "POLL_INTERVAL", "is %s: must be more than 0", c.PollInterval)
	check(c.Heartbeat > 0, "HEARTBEAT", "is %s: must be more than 0", c.Heartbeat)
	check(c.Lease >= 2*c.Heartbeat, "LEASE", "is %s: must be at least twice %s_HEARTBEAT, which is %s", c.Lease, prefix, c.Heartbeat)
	check(c.ShutdownGrace >= 0, "SHUTDOWN_GRACE", "is %s: must not be negative", c.ShutdownGrace)
	check(c.JobTimeout > 0, "JOB_TIMEOUT", "is %s: must be more than 0", c.JobTimeout)
	check(c.Retention >= 0, "RETENTION", "is %s: must not be negative", c.Retention)
	check(c.LogFormat == "" || c.LogFormat == "text" || c.LogFormat == "json", "LOG_FORMAT", "is %q: must be text or json", c.LogFormat)
	check(slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel), "LOG_LEVEL", "is %q: must be debug, info, warn or error", c.LogLevel)
	check((c.HTTPUser == "") == (c.HTTPPassword == ""), "HTTP_USER", "and %s_HTTP_PASSWORD go together: set both or neither", prefix)
	for _, dir := range []struct{ name, path string }{{"COMMANDS_DIR", c.CommandsDir}, {"SECRETS_DIR", c.SecretsDir}} {
		if dir.path != "" {
			info, err := os.Stat(dir.path)
			check(err == nil && info.IsDir(), dir.name, "is %q: no such directory", dir.path)
		}
	}
	check(c.DatabaseURL == "" || urlWorks(c.DatabaseURL), "DATABASE_URL", "is no Postgres URL: must look like postgres://user:password@host:5432/name")
	for name, source := range c.SQLSources {
		check(urlWorks(source), "SQL_SOURCES", "has a source %q that is no Postgres URL: must look like %s=postgres://user:password@host:5432/name", name, name)
	}
	return list
}

// urlWorks tells whether pgx can read a URL. Its error is not shown: it may
// quote the password.
func urlWorks(u string) bool {
	_, err := pgx.ParseConfig(u)
	return err == nil && strings.Contains(u, "://")
}

// requireDatabase is for commands that need a database of the user's.
func (c config) requireDatabase() error {
	if c.DatabaseURL == "" {
		return usagef("%s_DATABASE_URL is not set: give the Postgres database that holds the queue,\n"+
			"or try `tagexec demo` (everything on sample data) or `tagexec standalone` (a database of its own)", prefix)
	}
	return nil
}

// sources are the databases for SQL jobs, by name.
type sources map[string]string

var pair = regexp.MustCompile(`^([A-Za-z0-9_.-]+)=(\S+)$`)

// nextPair finds a comma that separates pairs, not one within a URL with several hosts.
var nextPair = regexp.MustCompile(`,([A-Za-z0-9_.-]+=[a-z]+://)`)

// Decode reads name=url pairs. Its errors quote no value: there are passwords in it.
func (s *sources) Decode(value string) error {
	*s = sources{}
	for i, field := range strings.Fields(nextPair.ReplaceAllString(value, " $1")) {
		m := pair.FindStringSubmatch(strings.Trim(field, ","))
		if m == nil {
			return fmt.Errorf("pair %d is not of the form name=url", i+1)
		}
		if _, twice := (*s)[m[1]]; twice {
			return fmt.Errorf("the name %q is given twice", m[1])
		}
		(*s)[m[1]] = m[2]
	}
	return nil
}

// redacted returns a URL without its password.
func redacted(u string) string {
	parsed, err := url.Parse(u)
	if err != nil {
		return "(not shown)"
	}
	return parsed.Redacted()
}

// unknownVariables returns variables of our prefix that mean nothing, most
// likely misspelt. Those that a command job is given are no mistake.
func unknownVariables() []string {
	known := map[string]bool{}
	for _, name := range []string{"JOB_ID", "ATTEMPT", "TAG", "BATCH", "BIZ_DATE"} {
		known[prefix+"_"+name] = true
	}
	for _, v := range variables() {
		known[v.name] = true
	}
	var unknown []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, prefix+"_") && !known[name] {
			unknown = append(unknown, name)
		}
	}
	return unknown
}

// variable is one line of `tagexec help config`.
type variable struct{ name, value, meaning string }

func variables() []variable {
	const separator = "\x1f"
	var text bytes.Buffer
	format := strings.Join([]string{"{{range .}}{{usage_key .}}", "{{usage_default .}}", "{{usage_description .}}\n{{end}}"}, separator)
	if err := envconfig.Usagef(prefix, &config{}, &text, format); err != nil {
		panic(err) // the format above is wrong
	}
	var list []variable
	for line := range strings.Lines(text.String()) {
		field := strings.Split(strings.TrimSuffix(line, "\n"), separator)
		list = append(list, variable{field[0], field[1], field[2]})
	}
	return list
}

// configTopic is what `tagexec help config` prints.
func configTopic(stdio) *cobra.Command {
	var text strings.Builder
	text.WriteString("tagexec is configured by environment variables:\n\n")
	for _, v := range variables() {
		fmt.Fprintf(&text, "  %-30s %-15s %s\n", v.name, v.value, v.meaning)
	}
	text.WriteString("\nThe middle column is the default. Durations are written 250ms, 30s, 1h.\n" +
		"A kind of job is run if it is configured: sql by " + prefix + "_SQL_SOURCES, command by\n" + prefix + "_COMMANDS_DIR, http by " + prefix + "_HTTP_ORIGINS.")
	return &cobra.Command{Use: "config", Short: "Environment variables, with defaults and meaning", Long: text.String()}
}
