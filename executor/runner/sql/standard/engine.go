// Package standard makes an engine of SQL jobs of any driver of database/sql, for programs
// of one's own. Such an engine promises what its driver does: whether a statement is ended
// in the server when its context ends must be tried. See examples/custom-engine.
package standard

import (
	"context"
	stdsql "database/sql"
	"errors"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

// Engine describes an engine.
type Engine struct {
	Driver string     // its name in database/sql, where it must be registered
	Port   string     // where its URLs name none
	Traits sql.Traits // Arguments is Listed or None
	// DSN makes of a URL what the driver takes. Its error quotes no part of the URL.
	DSN func(sql.URL) (string, error)
	// Parameters are the parameters that its URLs may have, beside those of sql.ParseURL.
	Parameters []string
	// Classify returns the engine's own code of an error, and whether a statement that
	// failed so fails every time, and its message without data; nil: every error is "error",
	// may be tried again, and its text is only in the output.
	Classify func(error) (code, message string, permanent bool)
	// Product is what the engine is called, and Version a query for its version; "": none.
	Product, Version string
}

// Parse reads the URL of a source, as sql.Parse says.
func (e Engine) Parse(url string) (sql.Source, error) {
	parsed, err := sql.ParseURL(url, e.Port, e.Parameters...)
	if err != nil {
		return nil, err
	}
	dsn, err := e.DSN(parsed)
	if err != nil {
		return nil, err
	}
	return source{parsed, e, dsn}, nil
}

type source struct {
	sql.URL
	about Engine
	dsn   string
}

// Engine opens the database, which connects nowhere.
func (s source) Engine(opt sql.Options) (sql.Engine, error) {
	db, err := stdsql.Open(s.about.Driver, s.dsn)
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
		return nil, sql.Unreachable(err)
	}
	return conn, nil
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
			return sql.Server{}, sql.Unreachable(err)
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
