package runner

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/semaphore"

	"github.com/tagexec/tagexec/store/postgres"
)

const (
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

// source is a database that jobs run on. Its server may allow fewer connections than
// the pool may have: they are shared with the other executors. Then jobs wait for
// those that there are, for a while.
type source struct {
	*postgres.Pool
	places *semaphore.Weighted   // one for each connection that a job may have
	kept   atomic.Int64          // places that are not used for crowdedTime
	refuse atomic.Pointer[error] // why; nil: there are none
}

// placeKey is where a connection keeps in its custom data that it has a place.
const placeKey = "tagexec place"

func newSource(url string, size int) (*source, error) {
	database, err := postgres.Source(url)
	if err != nil {
		return nil, err
	}
	s := &source{}
	s.Pool, err = database.Pool(database.Name("tagexec job"), int32(cmp.Or(min(max(size, 0), 10_000), defaultPoolSize)), func(config *pgxpool.Config) {
		config.MaxConnIdleTime = 5 * time.Minute
		config.AfterConnect = learnLimits
		config.AfterRelease = func(conn *pgx.Conn) bool {
			defer s.leave(conn)
			return reset(conn)
		}
		config.BeforeClose = s.leave
		boundMessages(config.ConnConfig)
		takeNotes(config.ConnConfig)
		config.ConnConfig.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
			return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: cancelGrace}
		}
	})
	if err != nil {
		return nil, err
	}
	s.places = semaphore.NewWeighted(int64(s.Config().MaxConns))
	return s, nil
}

// connection returns a connection for a job, who releases it.
func (s *source) connection(ctx context.Context) (*pgxpool.Conn, error) {
	for {
		if err := s.place(ctx); err != nil {
			return nil, err
		}
		conn, err := s.Acquire(ctx)
		if s.crowded(err) {
			select {
			case <-time.After(secondTry):
			case <-ctx.Done():
			}
			conn, err = s.Acquire(ctx)
		}
		if err == nil {
			conn.Conn().PgConn().CustomData()[placeKey] = true
			return conn, nil
		}
		if !s.crowded(err) {
			s.places.Release(1)
			return nil, err
		}
		s.keep(err)
	}
}

// place waits for a place. Where the server allows no more connections, others may
// have them sooner.
func (s *source) place(ctx context.Context) error {
	refused := s.refuse.Load()
	if refused == nil {
		return s.places.Acquire(ctx, 1)
	}
	bound, cancel := context.WithTimeout(ctx, crowdedWait)
	defer cancel()
	if err := s.places.Acquire(bound, 1); err == nil || ctx.Err() != nil {
		return err
	}
	return *refused
}

// keep does without a place for a while.
func (s *source) keep(why error) {
	s.kept.Add(1)
	s.refuse.Store(&why)
	time.AfterFunc(crowdedTime, func() {
		if s.kept.Add(-1) == 0 {
			s.refuse.Store(nil)
		}
		s.places.Release(1)
	})
}

// leave gives back the place of a connection that is free or closed now.
func (s *source) leave(conn *pgx.Conn) {
	data := conn.PgConn().CustomData()
	if data[placeKey] != nil {
		delete(data, placeKey)
		s.places.Release(1)
	}
}

// crowded reports whether a connection was refused because the server has as many as
// it allows, and some of them are ours.
func (s *source) crowded(err error) bool {
	var server *pgconn.PgError
	stat := s.Stat()
	return errors.As(err, &server) && server.Code == pgerrcode.TooManyConnections && stat.AcquiredConns()+stat.IdleConns() > 0
}

// reset makes a connection forget the job: settings, role, temporary tables,
// advisory locks, LISTEN, prepared statements. It reports whether the
// connection can be used again.
func reset(conn *pgx.Conn) bool {
	ctx, cancel := context.WithTimeout(context.Background(), resetTime)
	defer cancel()
	return conn.PgConn().Exec(ctx, "DISCARD ALL").Close() == nil
}
