package executor_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/devpg"
)

// serve runs jobs of the kind "greet" until ctx ends.
func serve(ctx context.Context, db *store.Store) error {
	runners := executor.Runners{"greet": executor.RunnerFunc(greet)}
	pool, err := executor.New(db, executor.Config{Runners: runners, Workers: 4, Log: quiet})
	if err != nil {
		return err
	}
	return pool.Run(ctx)
}

func greet(ctx context.Context, job *store.Job) (executor.Report, error) {
	var out runner.Capture
	executor.ShowOutput(ctx, &out) // so `tagexec jobs logs -f` shows it while the job runs
	fmt.Fprintln(&out, "saying hello")
	fmt.Printf("%s says hello with %s\n", job.Tag, job.Payload)
	return executor.Report{Output: out.String()}, nil
}

// A program that runs a kind of job of its own: serve and greet are all that it
// needs. The database is a throwaway one here; usually it is the one that the
// scheduler inserts into.
func Example() {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	server, err := devpg.Start(ctx, devpg.Options{Fast: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Stop()
	url := server.URL("postgres")
	if _, err := migrations.Up(ctx, url); err != nil {
		fmt.Println(err)
		return
	}

	db, err := store.Open(url, "greeter")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	serving, stopServing := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- serve(serving, db) }()
	if err := submit(ctx, url); err != nil {
		fmt.Println(err)
	}
	stopServing()
	fmt.Println("ended with", <-done)
	// Output:
	// my_tag says hello with {"name": "you"}
	// 1 of 1 jobs succeeded
	// ended with <nil>
}

// quiet keeps the log out of the example's output.
var quiet = slog.New(slog.DiscardHandler)

// submit inserts a job and waits for its end; a scheduler does it with plain SQL too.
func submit(ctx context.Context, url string) error {
	db, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close(ctx)
	// Running executors have registered their kinds; this one comes first.
	if _, err := db.Exec(ctx, `INSERT INTO tagexec.tag_kinds (kind) VALUES ('greet') ON CONFLICT DO NOTHING`); err != nil {
		return err
	}
	if _, err := db.Exec(ctx, `INSERT INTO tagexec.tag_jobs (tag, kind, batch, payload) VALUES ('my_tag', 'greet', 'one', '{"name": "you"}')`); err != nil {
		return err
	}
	for settled := false; !settled; {
		if err := db.QueryRow(ctx, `SELECT tagexec.batch_settled('one') FROM pg_sleep(0.1)`).Scan(&settled); err != nil {
			return err
		}
	}
	var answer string
	if err := db.QueryRow(ctx, `SELECT tagexec.assert_batch_ok('one')`).Scan(&answer); err != nil {
		return err
	}
	fmt.Println(answer)
	return nil
}
