package postgres

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/semaphore"

	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/store/postgres"
)

const (
	// cancelGrace is how long a server may take to end a statement after a
	// cancel request; after that the request is repeated and the connection
	// closed.
	cancelGrace = 2 * time.Second
	// rollbackTime is how long ROLLBACK may take before the connection is closed
	// instead. The job waits for it, also when it was cancelled.
	rollbackTime = time.Second
	// crowdedTime is how long a source is used with one connection less after its
	// server allowed no more.
	crowdedTime = 30 * time.Second
	// crowdedWait is how long a job waits for a place meanwhile, before it is left to
	// other executors.
	crowdedWait = 10 * time.Second
	// secondTry is after how long a connection is asked for once more, which another
	// job may just have given back.
	secondTry = 50 * time.Millisecond
)

// Parse reads the URL of a source, as sql.Parse says. pool_max_conns in it comes before
// sql.Options.Connections.
func Parse(url string) (sql.Source, error) {
	database, err := postgres.Source(url)
	if err != nil {
		return nil, err
	}
	return source{database}, nil
}

type source struct{ *postgres.Database }

// engine is a database that jobs run on. Its server may allow fewer connections than
// the pool may have: they are shared with the other executors. Then jobs wait for
// those that there are, for a while.
type engine struct {
	*postgres.Pool
	lacks   *sql.Lacks
	unnamed bool                  // the URL gives its sessions no name
	plain   atomic.Bool           // the server takes only the plainest of BEGIN
	places  *semaphore.Weighted   // one for each connection that a job may have
	kept    atomic.Int64          // places that are not used for crowdedTime
	refuse  atomic.Pointer[error] // why; nil: there are none
}

// placeKey is where a connection keeps in its custom data that it has a place.
const placeKey = "tagexec place"

// Engine returns the pool of the source.
func (s source) Engine(opt sql.Options) (sql.Engine, error) {
	e := &engine{lacks: sql.NewLacks(opt.Log), unnamed: s.Name("") == ""}
	var err error
	e.Pool, err = s.Pool(s.Name("tagexec job"), int32(opt.Connections), func(config *pgxpool.Config) {
		config.MaxConnIdleTime = 5 * time.Minute
		config.AfterConnect = e.learnLimits
		config.AfterRelease = func(conn *pgx.Conn) bool {
			defer e.leave(conn)
			return reset(conn)
		}
		config.BeforeClose = e.leave
		boundMessages(config.ConnConfig)
		takeNotes(config.ConnConfig)
		config.ConnConfig.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
			return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: cancelGrace}
		}
	})
	if err != nil {
		return nil, err
	}
	e.places = semaphore.NewWeighted(int64(e.Config().MaxConns))
	return e, nil
}

// Traits says what jobs may ask.
func (*engine) Traits() sql.Traits {
	return sql.Traits{
		Engine: "postgres", Atomic: true, Arguments: sql.Listed, Counts: true,
		EndedBy: "a cancel request", OrphanEndedBy: "statement_timeout, client_connection_check_interval where the server has it, and the next attempt",
	}
}

// Open takes a connection from the pool.
func (e *engine) Open(ctx context.Context, job sql.Job) (sql.Session, error) {
	conn, err := e.connection(ctx)
	if err != nil {
		return nil, connectFailure(err)
	}
	return &session{engine: e, conn: conn, pg: conn.Conn().PgConn(), types: conn.Conn().TypeMap(), job: job}, nil
}

// Check asks the server what it is.
func (e *engine) Check(ctx context.Context) (sql.Server, error) {
	if stat := e.Stat(); stat.AcquiredConns() == stat.MaxConns() {
		return sql.Server{}, nil // all that it may have are in use: it works
	}
	conn, err := e.Acquire(ctx)
	if e.crowded(err) {
		return sql.Server{}, nil // jobs wait for those that there are
	}
	if err != nil {
		return sql.Server{}, connectFailure(err)
	}
	defer conn.Release()
	answer := conn.Conn().PgConn().ExecParams(ctx, "-- tagexec: probe\nSELECT version()", nil, nil, nil, nil).Read()
	if answer.Err != nil {
		return sql.Server{}, connectFailure(answer.Err)
	}
	return server(answer.Rows), nil
}

// server reads the answer to version(): PostgreSQL 15.18 on x86_64…, or
// CockroachDB CCL v22.1.0 (…).
func server(rows [][][]byte) sql.Server {
	if len(rows) != 1 || len(rows[0]) != 1 {
		return sql.Server{}
	}
	about, _, _ := strings.Cut(string(rows[0][0]), " on ")
	about, _, _ = strings.Cut(about, " (")
	product, version, _ := strings.Cut(about, " ")
	return sql.Server{Product: product, Version: version}
}

// Connections counts those of the pool.
func (e *engine) Connections() sql.Connections {
	stat := e.Stat()
	return sql.Connections{InUse: int(stat.AcquiredConns()), Idle: int(stat.IdleConns()), Max: int(stat.MaxConns())}
}

// connection returns a connection for a job, who releases it.
func (e *engine) connection(ctx context.Context) (*pgxpool.Conn, error) {
	for {
		if err := e.place(ctx); err != nil {
			return nil, err
		}
		conn, err := e.Acquire(ctx)
		if e.crowded(err) {
			select {
			case <-time.After(secondTry):
			case <-ctx.Done():
			}
			conn, err = e.Acquire(ctx)
		}
		if err == nil {
			conn.Conn().PgConn().CustomData()[placeKey] = true
			return conn, nil
		}
		if !e.crowded(err) {
			e.places.Release(1)
			return nil, err
		}
		e.keep(err)
	}
}

// place waits for a place. Where the server allows no more connections, others may
// have them sooner.
func (e *engine) place(ctx context.Context) error {
	refused := e.refuse.Load()
	if refused == nil {
		return e.places.Acquire(ctx, 1)
	}
	bound, cancel := context.WithTimeout(ctx, crowdedWait)
	defer cancel()
	if err := e.places.Acquire(bound, 1); err == nil || ctx.Err() != nil {
		return err
	}
	return *refused
}

// keep does without a place for a while.
func (e *engine) keep(why error) {
	e.kept.Add(1)
	e.refuse.Store(&why)
	time.AfterFunc(crowdedTime, func() {
		if e.kept.Add(-1) == 0 {
			e.refuse.Store(nil)
		}
		e.places.Release(1)
	})
}

// leave gives back the place of a connection that is free or closed now.
func (e *engine) leave(conn *pgx.Conn) {
	data := conn.PgConn().CustomData()
	if data[placeKey] != nil {
		delete(data, placeKey)
		e.places.Release(1)
	}
}

// crowded reports whether a connection was refused because the server has as many as
// it allows, and some of them are ours.
func (e *engine) crowded(err error) bool {
	var server *pgconn.PgError
	stat := e.Stat()
	return errors.As(err, &server) && server.Code == pgerrcode.TooManyConnections && stat.AcquiredConns()+stat.IdleConns() > 0
}
