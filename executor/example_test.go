package executor_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/migrations"
	"github.com/tagexec/tagexec/store"
	"github.com/tagexec/tagexec/store/devpg"
)

// greet runs the jobs of kind "greet".
func greet(_ context.Context, job store.Job) (executor.Outcome, error) {
	fmt.Printf("%s says hello with %s\n", job.Tag, job.Payload)
	return executor.Outcome{Output: "said hello"}, nil
}

// work runs jobs of kind "greet" from the database at url until ctx ends.
func work(ctx context.Context, url string) error {
	db, err := store.Open(url, "greeter")
	if err != nil {
		return err
	}
	defer db.Close()
	pool, err := executor.New(executor.Config{
		Queue:   db.Queue(store.QueueConfig{Kinds: []string{"greet"}, Timeout: time.Minute}),
		Runners: map[string]executor.Runner{"greet": executor.RunnerFunc(greet)},
		Workers: 4, JobTimeout: time.Minute,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	return pool.Run(ctx)
}

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

// A program that runs a kind of job of its own. The database is a throwaway
// one here; usually it is the one that the scheduler inserts into.
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

	working, stopWorking := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- work(working, url) }()
	if err := submit(ctx, url); err != nil {
		fmt.Println(err)
	}
	stopWorking()
	fmt.Println("ended with", <-done)
	// Output:
	// my_tag says hello with {"name": "you"}
	// 1 of 1 jobs succeeded
	// ended with <nil>
}
