package trino

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql"
)

type session struct {
	*engine
	job sql.Job
	id  string // of the last query
}

// Commit does nothing: each statement has stored its work.
func (*session) Commit(context.Context) error { return nil }

// End leaves nothing: the server keeps no sessions.
func (s *session) End() { s.places.Leave() }

// QueryID is the server's id of the last query.
func (s *session) QueryID() string { return s.id }

// Exec runs one statement.
func (s *session) Exec(ctx context.Context, st sql.Statement) (sql.Done, error) {
	if ctx.Err() != nil {
		return sql.Done{}, sql.Ended(ctx, st.Where)
	}
	s.id = ""
	r, err := s.query(ctx, withArgs(st), s.header(ctx), st.WantRow, func(id string) { s.id = id })
	if err != nil || r.told != nil {
		return sql.Done{}, s.failure(ctx, st, r.told, err)
	}
	if r.updates {
		return sql.Done{Rows: r.count}, nil
	}
	done := sql.Done{Rows: new(int64)} // what only reads changes nothing
	if r.row != nil {
		done.Row = s.result(r)
	}
	return done, nil
}

// header says whose statement it is, where names are looked up, and how long it may take.
func (s *session) header(ctx context.Context) http.Header {
	h := http.Header{}
	for name, value := range map[string]string{
		"Source": s.job.Token(), "Trace-Token": s.job.Token(), "Client-Tags": "tagexec", "Client-Info": s.job.Comment(),
		"Catalog": s.place[0], "Schema": s.place[1],
	} {
		if value != "" {
			h.Set(s.prefix+name, value)
		}
	}
	settings := maps.Clone(s.settings)
	if limit, ok := sql.Limit(ctx); ok {
		settings["query_max_run_time"] = fmt.Sprintf("%ds", int(limit.Seconds()))
	}
	for name, value := range settings {
		h.Add(s.prefix+"Session", name+"="+url.QueryEscape(value))
	}
	if parent := executor.Traceparent(ctx); sql.IsTraceparent(parent) {
		h.Set("traceparent", parent)
	}
	return h
}

// result is the first row as JSON. Where it is none the output says why.
func (s *session) result(r result) json.RawMessage {
	row, err := object(r.columns, r.row)
	if err != nil {
		fmt.Fprintf(s.job.Output, "the returned row could not be written as JSON: %v\n", err)
		return nil
	}
	return sql.Fits(row, s.job.Output)
}
