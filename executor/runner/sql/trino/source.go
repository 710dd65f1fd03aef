// Package trino runs SQL jobs on Trino and Presto, by their client protocol over HTTP.
//
//	trino://user@host:8080/catalog/schema
//	trino+https://user:password@host:8443/catalog/schema?tls_ca=/etc/ca.pem
//
// Every statement stands alone: what SET SESSION, USE, PREPARE and START TRANSACTION
// change is over with it. In the server's list its source is sql.Job.Token, by which an
// attempt finds and ends the orphan of the one before. Values are args, literals behind
// USING; Presto takes none.
package trino

import (
	"errors"
	"time"

	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/executor/runner/sql/overhttp"
)

// Parse reads the URL of a source, as sql.ParseURL says.
func Parse(text string) (sql.Source, error) {
	u, err := overhttp.Parse(text, "8080", "8443")
	switch {
	case err != nil:
		return nil, err
	case u.User == "":
		return nil, errors.New("the URL names no user, and the server asks for one: trino://user@host:port/catalog/schema")
	case u.Pass != "" && u.TLS == nil:
		return nil, errors.New("the URL has a password, which the server takes only over TLS: begin it with trino+https://")
	case len(u.Path) > 2:
		return nil, errors.New("the URL has a path of more than two parts: trino://user@host:port/catalog/schema has two")
	}
	return source{u}, nil
}

type source struct{ sql.URL }

// Engine returns an engine for the source.
func (s source) Engine(opt sql.Options) (sql.Engine, error) {
	e := &engine{client: overhttp.New(s.URL, opt.Connections), places: sql.NewPlaces(opt.Connections),
		user: s.User, password: s.Pass, connectTime: s.ConnectTimeout, scheme: s.Scheme, settings: s.Settings, prefix: "X-Trino-"}
	if s.Scheme == "presto" {
		e.prefix = "X-Presto-"
	}
	copy(e.place[:], s.Path)
	return e, nil
}

// engine is a coordinator that jobs run on. It keeps no state but connections.
type engine struct {
	client         *overhttp.Client
	places         *sql.Places
	user, password string
	place          [2]string // catalog and schema
	connectTime    time.Duration
	scheme         string
	settings       map[string]string // of the URL
	prefix         string            // of the protocol's headers
}
