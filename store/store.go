package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// statementTimeout ends a statement of ours on the server; clientTimeout is
// longer, so that normally the server ends it and the connection survives.
const (
	statementTimeout = 8 * time.Second
	clientTimeout    = 10 * time.Second
)

// connections is the size of the pool: claim, record, keep and one to spare,
// whatever the number of workers is.
const connections = 4

// Store runs statements on one database. All methods may be called
// concurrently.
type Store struct {
	db    *pgxpool.Pool // claim, record, batches
	pulse *pgxpool.Pool // one connection for heartbeats, which must not wait for others
}

// Open connects lazily to the database at url: an unreachable server is
// reported by the first statement, not here. An error means the url is wrong.
func Open(url, application string) (*Store, error) {
	db, err := pool(url, application, connections)
	if err != nil {
		return nil, err
	}
	pulse, err := pool(url, application+" heartbeat", 1)
	if err != nil {
		db.Close()
		return nil, err
	}
	return &Store{db: db, pulse: pulse}, nil
}

func pool(url, application string, size int32) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = size
	config.ConnConfig.ConnectTimeout = clientTimeout
	params := config.ConnConfig.RuntimeParams
	params["application_name"] = application
	config.AfterConnect = prepareSession
	p, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, fmt.Errorf("set up the connection pool: %w", err)
	}
	return p, nil
}

// enable_seqscan: on an empty table a scan is cheapest, and the generic plan
// that an idle executor arrives at would be kept when the table fills. jit: the
// estimates of recursive statements are high enough to compile them each time.
const prepareSessionSQL = `-- tagexec: prepare session
SELECT set_config('statement_timeout', $1, false),
       set_config('lock_timeout', '5s', false),
       set_config('idle_in_transaction_session_timeout', '10s', false),
       set_config('default_transaction_isolation', 'read committed', false),
       set_config('jit', 'off', false),
       set_config('enable_seqscan', 'off', false),
       set_config('search_path', 'pg_catalog', false)`

func prepareSession(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, prepareSessionSQL, pgx.QueryExecModeExec, fmt.Sprint(statementTimeout.Milliseconds()))
	return err
}

// Close closes all connections and waits for statements under way.
func (s *Store) Close() {
	s.pulse.Close()
	s.db.Close()
}

// bounded gives a statement its client-side limit of time.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, clientTimeout)
}

// inTx runs do in one transaction, which as a whole has the client-side limit
// of time.
func (s *Store) inTx(ctx context.Context, do func(context.Context, pgx.Tx) error) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error { return do(ctx, tx) })
}
