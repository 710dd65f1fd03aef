// Package mysql runs SQL jobs on servers that speak the protocol of MySQL: MySQL, MariaDB
// and TiDB, where a job is a transaction, and StarRocks and Doris, which have none.
//
//	mysql://user:password@host:3306/database?tls=true&tls_ca=/etc/ca.pem&connect_timeout=10
//
// Each job has a connection of its own, which is closed after it: the driver does not
// reset one. Arguments stand for ? and are sent beside the statement. Whole numbers are
// numbers, other numbers and dates are text, arrays and objects JSON text.
//
// A transaction has the isolation level READ COMMITTED; a server whose binary log is
// written by statement refuses to write in it. A statement that commits by itself (CREATE
// TABLE, TRUNCATE, …) is taken only if it is alone. Tables of an engine without
// transactions (MyISAM) keep what a failed job has written.
//
// Warnings of the server are output: it is asked for them after each statement, which is
// a round trip. StarRocks and Doris are not asked.
package mysql

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

const defaultPort = "3306"

// Parse reads the URL of a source, as sql.Parse says.
func Parse(url string) (sql.Source, error) {
	u, err := sql.ParseURL(url, defaultPort)
	if err != nil {
		return nil, err
	}
	d, ok := dialects[u.Scheme]
	switch {
	case !ok:
		return nil, errors.New("the URL has a scheme of another engine")
	case u.User == "":
		return nil, errors.New("the URL names no user")
	case len(u.Path) > 1:
		return nil, errors.New("the URL names more than a database: it ends in /database")
	}
	return source{u, d}, nil
}

type source struct {
	sql.URL
	dialect dialect
}

// Engine returns what runs jobs there.
func (s source) Engine(opt sql.Options) (sql.Engine, error) {
	e := &engine{source: s, lacks: sql.NewLacks(opt.Log), places: sql.NewPlaces(opt.Connections)}
	e.alive, e.close = context.WithCancel(context.Background())
	return e, nil
}

// engine is a server that jobs run on.
type engine struct {
	source
	lacks  *sql.Lacks
	places *sql.Places

	alive context.Context // until Close
	close context.CancelFunc

	mu     sync.Mutex
	work   sync.WaitGroup // sessions, and what ends their statements
	closed bool           // no more work
}

var errClosed = errors.New("the source is closed")

// Traits says what jobs may ask.
func (e *engine) Traits() sql.Traits { return e.dialect.traits(e.Scheme) }

// Connections counts those of jobs.
func (e *engine) Connections() sql.Connections { return e.places.Count() }

// Open connects for one attempt. If it is not the first one, what still runs of those
// before is ended.
func (e *engine) Open(ctx context.Context, job sql.Job) (sql.Session, error) {
	if err := e.places.Take(ctx); err != nil {
		return nil, err
	}
	if !e.begin() {
		e.places.Leave()
		return nil, errClosed
	}
	s := &session{engine: e, job: job}
	if err := s.open(ctx); err != nil {
		s.End()
		return nil, err
	}
	return s, nil
}

// begin counts a session as work, unless the engine is closed.
func (e *engine) begin() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.work.Add(1)
	}
	return !e.closed
}

// Check asks the server what it is.
func (e *engine) Check(ctx context.Context) (sql.Server, error) {
	if e.places.Full() {
		return sql.Server{}, nil // all that it may have are in use: it works
	}
	ctx, cancel := context.WithTimeout(ctx, e.ConnectTimeout)
	defer cancel()
	link, err := e.connect(ctx, e.Address())
	if err != nil {
		return sql.Server{}, connectFailure(err)
	}
	defer link.close()
	return link.server, nil
}

// Close cuts the connections of jobs and waits until these have noticed.
func (e *engine) Close() {
	e.close()
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.work.Wait()
}

// wrongScheme is the failure of a source whose server is of another kind: what jobs
// may ask of it depends on that.
func (e *engine) wrongScheme(is dialect) error {
	for scheme, d := range dialects {
		if d.product == is.product {
			return sql.NoConnection(fmt.Sprintf("the server is %s: the URL must begin with %s://, not %s://", is.product, scheme, e.Scheme))
		}
	}
	return nil
}
