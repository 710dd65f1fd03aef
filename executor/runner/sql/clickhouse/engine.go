package clickhouse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/executor/runner/sql/overhttp"
)

// Traits says what jobs may ask. Counts is false: what the server has written is more
// than an INSERT of the job where there are views, and less where it mutates.
func (*engine) Traits() sql.Traits {
	return sql.Traits{
		Engine: "clickhouse", Arguments: sql.Named,
		EndedBy:       "KILL QUERY … SYNC by its query_id",
		OrphanEndedBy: "max_execution_time, 10 s after the job's time, and the next attempt's query_id",
	}
}

// The settings that not every server has.
const (
	logComment    = "log_comment"
	endsWithReads = "cancel_http_readonly_queries_on_client_close"
)

// probe asks the server what it is and has. It is also the proof that the login and the
// database are right.
const probe = "/* tagexec: probe */ SELECT version(), groupArray(name) FROM system.settings WHERE name IN ('" + logComment + "', '" + endsWithReads + "')"

// server is what answered.
type server struct {
	version string
	known   []string // of the settings
}

// has reports whether the server knows a setting.
func (s server) has(setting string) bool { return slices.Contains(s.known, setting) }

// takesParams reports whether the server has {name:Type}, since 19.14.
func (s server) takesParams() bool {
	var major, minor int
	_, _ = fmt.Sscanf(s.version, "%d.%d", &major, &minor)
	return major > 19 || major == 19 && minor >= 14
}

// Open asks the server what it is, within the time to connect.
func (e *engine) Open(ctx context.Context, job sql.Job) (sql.Session, error) {
	if err := e.places.Take(ctx); err != nil {
		return nil, err
	}
	found, err := e.learn(ctx)
	if err != nil {
		e.places.Leave()
		return nil, err
	}
	if !found.has(endsWithReads) {
		e.lacks.Tell(endsWithReads, "a SELECT whose executor is gone runs on until its time is over")
	}
	return newSession(e, job, found), nil
}

// Check asks the server what it is.
func (e *engine) Check(ctx context.Context) (sql.Server, error) {
	if e.places.Full() {
		return sql.Server{}, nil // it works
	}
	found, err := e.learn(ctx)
	return sql.Server{Product: "ClickHouse", Version: found.version}, err
}

// Connections counts the jobs; a connection is shared by one after the other.
func (e *engine) Connections() sql.Connections { return e.places.Count() }

// Close closes the connections that nobody uses; others close behind their jobs.
func (e *engine) Close() { e.client.Close() }

func (e *engine) learn(ctx context.Context) (found server, err error) {
	ctx, cancel := context.WithTimeout(ctx, e.connectTime)
	defer cancel()
	a, err := e.ask(ctx, request{text: probe, wantRow: true})
	var refused *exception
	switch {
	case errors.As(err, &refused):
		return found, sql.Failed(sql.OnlyStatement, refused.code(), refused.words(), false)
	case err != nil:
		return found, sql.NoConnection(overhttp.Reason(err))
	case len(a.row) != 2 || json.Unmarshal(a.row[0], &found.version) != nil || json.Unmarshal(a.row[1], &found.known) != nil:
		return found, sql.NoConnection(notClickHouse.Error())
	}
	return found, nil
}
