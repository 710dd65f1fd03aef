package store

import (
	"context"
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

// connections is the size of the pool: one for claims, two for records, one to
// keep and one to spare, whatever the number of workers is.
const connections = 5

// Store runs statements on one database. All methods may be called
// concurrently.
type Store struct {
	db    *pgxpool.Pool // claim, record, batches
	pulse *pgxpool.Pool // one connection for heartbeats, which must not wait for others
	ears  *pgxpool.Pool // one connection that hears of new jobs, see Nap
	way   *way
}

// Open connects lazily to the database at url: an unreachable server is
// reported by the first statement, not here. An error means the url is wrong.
// The url may lead to a pooler in transaction mode, such as PgBouncer's; that
// is found out by itself.
func Open(url, application string) (*Store, error) {
	s := &Store{way: &way{}}
	var err error
	if s.db, err = s.way.pool(url, application, connections); err != nil {
		return nil, err
	}
	if s.pulse, err = s.way.pool(url, application+" heartbeat", 1); err != nil {
		s.db.Close()
		return nil, err
	}
	if s.ears, err = s.way.pool(url, application+" listen", 1); err != nil {
		s.pulse.Close()
		s.db.Close()
		return nil, err
	}
	return s, nil
}

// Close closes all connections and waits for statements under way.
func (s *Store) Close() {
	s.ears.Close()
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
	return pgx.BeginTxFunc(ctx, s.db, s.way.txOptions(), func(tx pgx.Tx) error { return do(ctx, tx) })
}
