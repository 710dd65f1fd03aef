package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/cmd/internal/access"
	"github.com/tagexec/tagexec/cmd/internal/cli"
	"github.com/tagexec/tagexec/cmd/internal/config"
	"github.com/tagexec/tagexec/cmd/internal/serve"
	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store/devpg"
)

func standaloneCommand(std cli.Streams) *cobra.Command {
	var (
		dir  string
		port int
	)
	cmd := &cobra.Command{
		Use:   "standalone",
		Short: "Run jobs with an embedded Postgres of its own",
		Long: "standalone starts an embedded Postgres whose data stays in a directory, creates the schema and serves.\n" +
			"It prints how to connect. Without TAGEXEC_SQL_SOURCES, SQL jobs run in a database `tags` of the same\n" +
			"server, the source `local`. For one machine and for trying out; in production use a Postgres of yours.",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if port < 0 || port > 65535 {
				return cli.Usagef("--port is %d: must be from 1 to 65535", port)
			}
			c, err := config.Load()
			if err != nil {
				return err
			}
			if c.DatabaseURL != "" {
				return cli.Usagef("%s_DATABASE_URL is set, but standalone has a database of its own: unset it, or use `tagexec serve`", config.Prefix)
			}
			if dir == "" {
				return cli.Usagef("no directory for the data: there is no home directory (HOME is not set) and no --data-dir; give one with --data-dir")
			}
			return standalone(cmd.Context(), std, c, dir, port)
		},
	}
	cmd.Flags().StringVar(&dir, "data-dir", config.DataDir(), "directory of the data, which stay")
	cmd.Flags().IntVar(&port, "port", 0, "port of the embedded Postgres (default the one used last, at first a free one)")
	return cmd
}

func standalone(ctx context.Context, std cli.Streams, c config.Config, dir string, port int) (err error) {
	log := c.Logger(std.Err)
	server, err := devpg.Start(ctx, devpg.Options{DataDir: dir, Port: port, Log: func(format string, args ...any) {
		log.Info(fmt.Sprintf(format, args...))
	}})
	if err != nil {
		return cli.WithLines("start the embedded Postgres", err)
	}
	defer func() {
		if stopErr := server.Stop(); stopErr != nil {
			log.Error("the embedded Postgres did not stop cleanly", "error", stopErr)
		}
	}()
	if c.DatabaseURL, err = prepareQueue(ctx, server); err != nil {
		return nameDataDir(err, dir)
	}
	if len(c.SQLSources) == 0 {
		login, err := jobLogin(ctx, server, "tagexec_jobs", "tags")
		if err != nil {
			return err
		}
		if err := createDatabase(ctx, server, "tags", "tagexec_jobs"); err != nil {
			return err
		}
		c.SQLSources = config.Sources{"local": login}
	}
	printConnection(std, c, server)
	return serve.Run(ctx, c, access.Operator, log)
}

// nameDataDir says what to do with a data directory from before the first release.
func nameDataDir(err error, dir string) error {
	var old *migrations.VersionError
	if !errors.As(err, &old) {
		return err
	}
	return cli.Usagef("the data in %s have version %d of the schema, from before the first release, which this tagexec cannot update: "+
		"move the directory away or delete it, or give another with --data-dir; the tagexec that made it can still read it", dir, old.Version)
}

// printConnection says how to reach the queue.
func printConnection(std cli.Streams, c config.Config, server *devpg.Server) {
	fmt.Fprintf(std.Out, `PostgreSQL %[1]s, data in %[2]s

  psql      psql '%[3]s'
  Airflow   export AIRFLOW_CONN_TAGEXEC='%[3]s'
  tagexec   export %[4]s_DATABASE_URL='%[3]s'

Insert a job and look at it:

  psql '%[3]s' \
    -c "INSERT INTO tagexec.tag_jobs (tag, payload) VALUES ('hello', '{\"statement\": \"SELECT 42 AS answer\"}')" \
    -c "SELECT id, tag, state, result, error FROM tagexec.tag_jobs ORDER BY id DESC LIMIT 5"

`, server.Version(), server.DataDir(), c.DatabaseURL, config.Prefix)
	if login, ok := c.SQLSources["local"]; ok && len(c.SQLSources) == 1 && strings.Contains(login, "tagexec_jobs") {
		fmt.Fprintf(std.Out, "SQL jobs run in the database tags:\n\n  psql '%s'\n\n", server.URL("tags"))
	}
	fmt.Fprintln(std.Out, "Ctrl-C ends it; the data stays.")
}
