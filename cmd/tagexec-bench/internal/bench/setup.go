package bench

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tagexec/tagexec/cmd/internal/wait"
	"github.com/tagexec/tagexec/store/postgres"
)

// setup is the server that runs use. It gives each a freshly filled queue.
type setup interface {
	// prepare does what can be done before the first turn, so that none follows the
	// work of filling.
	prepare(ctx context.Context, f fill) error
	// fresh returns the URL and the name of a database filled like that. The one
	// before is gone then.
	fresh(ctx context.Context, f fill) (url, name string, err error)
	// admin is a way to the server that does not count among what a run costs, as
	// far as there is one.
	admin() *pgxpool.Pool
	// close takes back what was made.
	close(ctx context.Context) error
}

// openPool connects to a database, with as few connections as may be.
func openPool(_ context.Context, url string) (*pgxpool.Pool, error) {
	database, err := postgres.Queue(url)
	if err != nil {
		return nil, err
	}
	pool, err := database.Pool(application, 2, nil)
	if err != nil {
		return nil, err
	}
	return pool.Pool, nil
}

// connect makes one connection of those that a run uses; set are further settings
// of its session.
func connect(ctx context.Context, url string, set map[string]string) (*pgx.Conn, error) {
	database, err := postgres.Queue(url)
	if err != nil {
		return nil, err
	}
	config := database.Config(application + " client")
	maps.Copy(config.RuntimeParams, set)
	return pgx.ConnectConfig(ctx, config)
}

// application is how sessions of the bench itself are known.
const application = "tagexec-bench"

// settle waits until the sessions of the run before are gone, so that the
// server has counted all they did; not for ever, others may use a given database.
func settle(ctx context.Context, admin *pgxpool.Pool, name string) error {
	const sessions = `SELECT count(*) FROM pg_stat_activity
 WHERE datname = $1 AND backend_type = 'client backend' AND application_name <> '` + application + `'`
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); wait.For(ctx, 5*time.Millisecond) {
		var n int
		if err := admin.QueryRow(ctx, sessions, name).Scan(&n); err != nil {
			return fmt.Errorf("look for open sessions: %w", err)
		}
		if n == 0 {
			return nil
		}
	}
	return context.Cause(ctx)
}
