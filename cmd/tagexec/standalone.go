package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tagexec/tagexec/store/devpg"
)

func standaloneCommand(std stdio) *cobra.Command {
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
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig()
			if err != nil {
				return err
			}
			if c.DatabaseURL != "" {
				return usagef("%s_DATABASE_URL is set, but standalone has a database of its own: unset it, or use `tagexec serve`", prefix)
			}
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			return orSignal(ctx, standalone(ctx, std, c, dir, port))
		},
	}
	cmd.Flags().StringVar(&dir, "data-dir", defaultDataDir(), "directory of the data")
	cmd.Flags().IntVar(&port, "port", 0, "port of the embedded Postgres (default the one used last, at first a free one)")
	return cmd
}

// defaultDataDir is below /var/lib for root, because Postgres runs as another
// user then, else in the home directory.
func defaultDataDir() string {
	if os.Geteuid() == 0 {
		return "/var/lib/tagexec"
	}
	base := os.Getenv("XDG_DATA_HOME")
	if home, err := os.UserHomeDir(); base == "" && err == nil {
		base = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(base, "tagexec")
}

func standalone(ctx context.Context, std stdio, c config, dir string, port int) (err error) {
	log := c.logger(std.err)
	server, err := devpg.Start(ctx, devpg.Options{DataDir: dir, Port: port, Log: func(format string, args ...any) {
		log.Info(fmt.Sprintf(format, args...))
	}})
	if err != nil {
		return usagef("start the embedded Postgres: %w", err)
	}
	defer func() {
		if stopErr := server.Stop(); stopErr != nil {
			log.Error("the embedded Postgres did not stop cleanly", "error", stopErr)
		}
	}()
	if c.DatabaseURL, err = prepareQueue(ctx, server); err != nil {
		return err
	}
	if len(c.SQLSources) == 0 {
		login, err := jobLogin(ctx, server, "tagexec_jobs", "tags")
		if err != nil {
			return err
		}
		if err := createDatabase(ctx, server, "tags", "tagexec_jobs"); err != nil {
			return err
		}
		c.SQLSources = sources{"local": login}
	}
	printConnection(std, c, server)
	return serve(ctx, c, log)
}

// printConnection says how to reach the queue.
func printConnection(std stdio, c config, server *devpg.Server) {
	fmt.Fprintf(std.out, `PostgreSQL %[1]s, data in %[2]s

  psql      psql '%[3]s'
  Airflow   export AIRFLOW_CONN_TAGEXEC='%[3]s'
  tagexec   export %[4]s_DATABASE_URL='%[3]s'

Insert a job and look at it:

  psql '%[3]s' \
    -c "INSERT INTO tagexec.tag_jobs (tag, payload) VALUES ('hello', '{\"statement\": \"SELECT 42 AS answer\"}')" \
    -c "SELECT id, tag, state, result, error FROM tagexec.tag_jobs ORDER BY id DESC LIMIT 5"

`, server.Version(), server.DataDir(), c.DatabaseURL, prefix)
	if login, ok := c.SQLSources["local"]; ok && len(c.SQLSources) == 1 && strings.Contains(login, "tagexec_jobs") {
		fmt.Fprintf(std.out, "SQL jobs run in the database tags:\n\n  psql '%s'\n\n", server.URL("tags"))
	}
	fmt.Fprintln(std.out, "Ctrl-C ends it; the data stays.")
}
