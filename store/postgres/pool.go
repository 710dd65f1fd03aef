package postgres

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// pingTime is how long a connection that was idle may take to show that it lives.
	pingTime = 3 * time.Second
	// closeTime is how long Close waits for connections to end by themselves.
	closeTime = 100 * time.Millisecond
)

// Pool is a pgxpool.Pool in which every wait has a limit.
type Pool struct {
	*pgxpool.Pool
	sockets *sockets
}

// Pool returns a pool of at most size connections, which connects when a
// connection is needed. More may be set by set, which may be nil. A size in the
// URL of a source comes before this one.
func (d *Database) Pool(application string, size int32, set func(*pgxpool.Config)) (*Pool, error) {
	config := d.config.Copy()
	config.ConnConfig = d.Config(application)
	if !d.sized {
		config.MaxConns = size
	}
	if set != nil {
		set(config)
	}
	sockets := &sockets{open: map[*socket]bool{}}
	sockets.limit(config)
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, fmt.Errorf("set up the connection pool: %w", err)
	}
	return &Pool{pool, sockets}, nil
}

// Close closes all connections, soon: what is still under way a moment later is
// cut off. It waits for all who hold a connection to give it back.
func (p *Pool) Close() {
	late := time.AfterFunc(closeTime, p.sockets.cut)
	defer late.Stop()
	p.Pool.Close()
}

// limit gives every wait for the server a limit. The pool does not pass on the
// end of a caller's context to hooks, and connects until it is closed.
func (s *sockets) limit(config *pgxpool.Config) {
	connectTime := config.ConnConfig.ConnectTimeout
	config.PingTimeout = pingTime
	config.ConnConfig.DialFunc = s.dial
	before, after := config.BeforeConnect, config.AfterConnect
	config.BeforeConnect = func(ctx context.Context, conn *pgx.ConnConfig) error {
		if before != nil {
			ctx, cancel := context.WithTimeout(ctx, connectTime)
			defer cancel()
			if err := before(ctx, conn); err != nil {
				return err
			}
		}
		s.limitCancels(conn)
		return nil
	}
	if after == nil {
		return
	}
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		ctx, cancel := context.WithTimeout(ctx, connectTime)
		defer cancel()
		return after(ctx, conn)
	}
}

// limitCancels gives little time to what a connection dials once it is
// connected: that are cancel requests, also one that the driver sends when it
// gives the connection up, and that has its place in the pool until then.
func (s *sockets) limitCancels(config *pgx.ConnConfig) {
	var connected atomic.Bool
	config.AfterConnect = func(context.Context, *pgconn.PgConn) error {
		connected.Store(true)
		return nil
	}
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if !connected.Load() {
			return s.dial(ctx, network, address)
		}
		ctx, cancel := context.WithTimeout(ctx, endTime)
		defer cancel()
		conn, err := s.dial(ctx, network, address)
		if err == nil {
			err = conn.SetDeadline(time.Now().Add(endTime))
		}
		return conn, err
	}
}
