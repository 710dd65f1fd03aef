// Package clickhouse runs SQL jobs on ClickHouse, by its HTTP interface.
//
//	clickhouse://user:password@host:8123/database
//	clickhouse+https://user:password@host:8443/database?tls_ca=/etc/ca.pem
//
// Every statement of a job has the query_id sql.Job.Token, without the attempt, and
// replaces what runs under it: so an attempt ends the orphan of the one before, on this
// server. Values are params, {name:Type} in the statement.
//
// Statements of a job that says "atomic": false share a session, with its temporary
// tables; those of another job have none. Nobody else knows the session's random id, and
// the server forgets it a minute after the last statement.
//
// RowsAffected is what the server says it has written, also by materialized views; it is
// nothing before ClickHouse 20, and for mutations, which only begin in the statement.
package clickhouse

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/executor/runner/sql/overhttp"
)

// Parse reads the URL of a source, as sql.ParseURL says.
func Parse(text string) (sql.Source, error) {
	u, err := overhttp.Parse(text, "8123", "8443")
	switch {
	case err != nil:
		return nil, err
	case len(u.Path) > 1:
		return nil, errors.New("the URL has a path of several parts: clickhouse://user:password@host:port/database has one")
	}
	return source{u}, nil
}

type source struct{ sql.URL }

// Engine returns an engine for the source.
func (s source) Engine(opt sql.Options) (sql.Engine, error) {
	e := &engine{client: overhttp.New(s.URL, opt.Connections), places: sql.NewPlaces(opt.Connections),
		user: s.User, password: s.Pass, connectTime: s.ConnectTimeout, settings: s.Settings, lacks: sql.NewLacks(opt.Log)}
	if len(s.Path) == 1 {
		e.database = s.Path[0]
	}
	return e, nil
}

// engine is a server that jobs run on. It keeps no state but connections.
type engine struct {
	client                   *overhttp.Client
	places                   *sql.Places
	user, password, database string
	connectTime              time.Duration
	settings                 map[string]string // of the URL
	lacks                    *sql.Lacks
	bounded                  atomic.Bool // a profile bounds max_execution_time, and refuses ours
}
