// Command custom-engine is an executor whose SQL jobs run on an engine that tagexec does not
// know, by its driver of database/sql: here SQLite, which needs no server.
//
//	custom-engine postgres://…/queue sqlite:///var/lib/tags.db
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	_ "modernc.org/sqlite"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/executor/runner/sql/standard"
	"github.com/tagexec/tagexec/store"
)

var sqlite = standard.Engine{
	Driver: "sqlite", Product: "SQLite", Version: "SELECT sqlite_version()",
	Traits: sql.Traits{Engine: "sqlite", Atomic: true, Arguments: sql.Listed, Counts: true, EndedBy: "its driver", OrphanEndedBy: "the end of its process"},
	DSN: func(u sql.URL) (string, error) {
		return "file:" + u.File() + "?_pragma=busy_timeout(5000)", nil
	},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "custom-engine:", err)
		os.Exit(1)
	}
}

// serve runs the SQL jobs of a queue until ctx ends.
func serve(ctx context.Context, queue, tags string) error {
	st, err := store.Open(queue, "custom-engine")
	if err != nil {
		return err
	}
	defer st.Close()
	jobs, err := runner.NewSQL(ctx, map[string]string{"tags": tags}, runner.SQLOptions{Engines: map[string]sql.Parse{"sqlite": sqlite.Parse}})
	if err != nil {
		return err
	}
	defer jobs.Close()
	pool, err := executor.New(st, executor.Config{Runners: executor.Runners{"sql": jobs}, Workers: 4, Log: slog.Default()})
	if err != nil {
		return err
	}
	return pool.Run(ctx)
}
