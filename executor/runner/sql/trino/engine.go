package trino

import (
	"context"
	"net/http"

	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/executor/runner/sql/overhttp"
)

// Traits says what jobs may ask.
func (e *engine) Traits() sql.Traits {
	traits := sql.Traits{
		Engine: e.scheme, Arguments: sql.Listed, Counts: true,
		EndedBy:       "DELETE of the query",
		OrphanEndedBy: "query_max_run_time, 10 s after the job's time, query.client.timeout of the server, and the next attempt",
	}
	if e.scheme == "presto" {
		traits.Arguments = sql.None // it has no EXECUTE IMMEDIATE
	}
	return traits
}

// Open asks the server whether it is ready, and whether it knows the login, within the
// time to connect.
func (e *engine) Open(ctx context.Context, job sql.Job) (sql.Session, error) {
	if err := e.places.Take(ctx); err != nil {
		return nil, err
	}
	if _, err := e.learn(ctx); err != nil {
		e.places.Leave()
		return nil, err
	}
	return &session{engine: e, job: job}, nil
}

// Check asks the server what it is.
func (e *engine) Check(ctx context.Context) (sql.Server, error) {
	if e.places.Full() {
		return sql.Server{}, nil // it works
	}
	return e.learn(ctx)
}

// Connections counts the jobs; a connection is shared by one after the other.
func (e *engine) Connections() sql.Connections { return e.places.Count() }

// Close closes the connections that nobody uses; others close behind their jobs.
func (e *engine) Close() { e.client.Close() }

const (
	notTrino = overhttp.Answer("what answers there is not Trino")
	starting = overhttp.Answer("the server has not started yet")
	refused  = overhttp.Answer("the login was refused")
)

func (e *engine) learn(ctx context.Context) (sql.Server, error) {
	ctx, cancel := context.WithTimeout(ctx, e.connectTime)
	defer cancel()
	var info struct {
		NodeVersion struct{ Version string }
		Starting    bool
	}
	err := e.get(ctx, e.client.URL("/v1/info", nil), &info)
	switch {
	case err == nil && info.NodeVersion.Version == "":
		err = notTrino
	case err == nil && info.Starting:
		err = starting
	case err == nil:
		err = e.login(ctx)
	}
	if err != nil {
		return sql.Server{}, sql.NoConnection(overhttp.Reason(err))
	}
	product := "Trino"
	if e.scheme == "presto" {
		product = "Presto"
	}
	return sql.Server{Product: product, Version: info.NodeVersion.Version}, nil
}

// login asks for a query that is not there: who asks must be known first.
func (e *engine) login(ctx context.Context) error {
	code, err := e.do(ctx, http.MethodGet, e.client.URL("/v1/query/none", nil), "", nil, nil)
	if code == http.StatusNotFound || code == http.StatusGone {
		return nil
	}
	return strange(err)
}
