// Package standard makes an engine of SQL jobs of any driver of database/sql, for programs
// of one's own. Such an engine promises what its driver does: whether a statement is ended
// in the server when its context ends must be tried. See examples/custom-engine.
package standard

import (
	"context"
	stdsql "database/sql"
	"database/sql/driver"
	"errors"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

// Engine describes an engine.
type Engine struct {
	Driver string     // its name in database/sql, where it must be registered
	Port   string     // where its URLs name none; "": they are those of files, as sql.ParseFile says
	Traits sql.Traits // Arguments is Listed or None
	// DSN makes of a URL what the driver takes. Its error quotes no part of the URL.
	DSN func(sql.URL) (string, error)
	// Connector stands in the place of Driver and DSN where a driver connects as soon as it
	// has a DSN, which a source must not; nil: it does not.
	Connector func(sql.URL) (driver.Connector, error)
	// Parameters are the parameters that its URLs may have, beside the common ones.
	Parameters []string
	// Look looks at a statement before it runs, on the connection of the driver, and reports
	// whether it returns rows. Its error is one of the driver's, or an *executor.Failure.
	// nil: nothing is refused, and the first word decides.
	Look func(conn any, st sql.Statement) (rows bool, err error)
	// JSON makes of a value of the driver one that encoding/json writes as it should be, by
	// what the driver calls the type of its column; nil: all are written as they are.
	JSON func(value any, columnType string) any
	// Classify returns the engine's own code of an error, and whether a statement that
	// failed so fails every time, and its message without data; nil: every error is "error",
	// may be tried again, and its text is only in the output.
	Classify func(error) (code, message string, permanent bool)
	// Reason is why there is no connection, in words for everybody; nil: sql.Reason.
	Reason func(error) string
	// Product is what the engine is called, and Version a query for its version; "": none.
	Product, Version string
}

// Parse reads the URL of a source, as sql.Parse says.
func (e Engine) Parse(url string) (sql.Source, error) {
	parsed, err := e.parse(url)
	if err != nil {
		return nil, err
	}
	open, err := e.opener(parsed)
	if err != nil {
		return nil, err
	}
	return source{parsed, e, open}, nil
}

func (e Engine) parse(url string) (sql.URL, error) {
	if e.Port == "" {
		return sql.ParseFile(url, e.Parameters...)
	}
	return sql.ParseURL(url, e.Port, e.Parameters...)
}

// opener returns what opens a database, which connects nowhere.
func (e Engine) opener(u sql.URL) (func() (*stdsql.DB, error), error) {
	if e.Connector != nil {
		connector, err := e.Connector(u)
		return func() (*stdsql.DB, error) { return stdsql.OpenDB(connector), nil }, err
	}
	dsn, err := e.DSN(u)
	return func() (*stdsql.DB, error) { return stdsql.Open(e.Driver, dsn) }, err
}

type source struct {
	sql.URL
	about Engine
	open  func() (*stdsql.DB, error)
}

// Engine returns what runs jobs there.
func (s source) Engine(opt sql.Options) (sql.Engine, error) {
	db, err := s.open()
	if err != nil {
		return nil, errors.New("the driver does not take the URL") // its error may quote the password
	}
	db.SetMaxOpenConns(opt.Connections)
	db.SetMaxIdleConns(-1) // a connection keeps settings and temporary tables: each job has its own
	return &engine{source: s, db: db}, nil
}

type engine struct {
	source
	db *stdsql.DB
}

// Traits says what jobs may ask.
func (e *engine) Traits() sql.Traits { return e.about.Traits }

// Open connects.
func (e *engine) Open(ctx context.Context, job sql.Job) (sql.Session, error) {
	conn, err := e.connect(ctx)
	if err != nil {
		return nil, err
	}
	return &session{engine: e, conn: conn, job: job}, nil
}

func (e *engine) connect(ctx context.Context) (*stdsql.Conn, error) {
	bound, cancel := context.WithTimeout(ctx, e.ConnectTimeout)
	defer cancel()
	conn, err := e.db.Conn(bound)
	if err == nil {
		err = conn.PingContext(bound)
	}
	if err != nil {
		if conn != nil {
			_ = conn.Close()
		}
		return nil, e.unreachable(err)
	}
	return conn, nil
}

// unreachable is the failure of a connection.
func (e *engine) unreachable(err error) error {
	if e.about.Reason != nil {
		return sql.NoConnection(e.about.Reason(err))
	}
	return sql.Unreachable(err)
}

// Check connects and asks for the version.
func (e *engine) Check(ctx context.Context) (sql.Server, error) {
	if stats := e.db.Stats(); stats.InUse >= stats.MaxOpenConnections {
		return sql.Server{}, nil // all that it may have are in use: it works
	}
	conn, err := e.connect(ctx)
	if err != nil {
		return sql.Server{}, err
	}
	defer conn.Close()
	server := sql.Server{Product: e.about.Product}
	if e.about.Version != "" {
		if err := conn.QueryRowContext(ctx, e.about.Version).Scan(&server.Version); err != nil {
			return sql.Server{}, e.unreachable(err)
		}
	}
	return server, nil
}

// Connections counts those of jobs.
func (e *engine) Connections() sql.Connections {
	stats := e.db.Stats()
	return sql.Connections{InUse: stats.InUse, Idle: stats.Idle, Max: stats.MaxOpenConnections}
}

// Close closes the database.
func (e *engine) Close() { _ = e.db.Close() }
