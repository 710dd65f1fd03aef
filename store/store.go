package store

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tagexec/tagexec/store/postgres"
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
	database      *postgres.Database
	pool          *postgres.Pool // claims, records, everything else
	heartbeatPool *postgres.Pool // one connection for heartbeats, which must not wait for others
	listenPool    *postgres.Pool // one connection that is notified of new jobs
	pooler        *pooler
	watch         watch
	records       portion
	contended     atomic.Pointer[time.Time] // until when recordSuccesses does nothing; nil: it may
}

// Open connects lazily to the database at url: the first statement reports an
// unreachable server. An error means the url is wrong, and says how. The url may
// lead to PgBouncer in transaction mode; the Store finds that out.
func Open(url, application string) (*Store, error) {
	database, err := postgres.Queue(url)
	if err != nil {
		return nil, err
	}
	application = database.Name(application)
	s := &Store{database: database, pooler: &pooler{}}
	for _, p := range []struct {
		pool **postgres.Pool
		name string
		size int32
	}{
		{&s.pool, application, connections},
		{&s.heartbeatPool, application + " heartbeat", 1},
		{&s.listenPool, application + " listen", 1},
	} {
		if *p.pool, err = s.pooler.newPool(database, p.name, p.size); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// Locate names the database in an error that does not name it.
func (s *Store) Locate(err error) error { return s.database.Locate(err) }

// Close closes all connections. Statements under way have a moment to end, then
// they are cut off.
func (s *Store) Close() {
	var closing sync.WaitGroup
	for _, pool := range []*postgres.Pool{s.listenPool, s.heartbeatPool, s.pool} {
		if pool != nil {
			closing.Go(pool.Close)
		}
	}
	closing.Wait()
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
	return pgx.BeginTxFunc(ctx, s.pool, s.pooler.txOptions(), func(tx pgx.Tx) error { return do(ctx, tx) })
}
