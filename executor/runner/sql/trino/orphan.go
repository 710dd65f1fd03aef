package trino

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/executor/runner/sql/overhttp"
)

const (
	// orphanTime is how long the query of an earlier attempt may take to end.
	orphanTime = 10 * time.Second
	orphanPoll = 50 * time.Millisecond
)

// Begin ends what an attempt before has left running.
func (s *session) Begin(ctx context.Context) error {
	if s.job.Attempt < 2 {
		return nil
	}
	for until := time.Now().Add(orphanTime); ; {
		ids, err := s.orphans(ctx)
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			s.end(id, "")
		}
		if time.Now().After(until) {
			return sql.Failed(sql.OnlyStatement, "orphan_runs", "the query of an earlier attempt does not end", false)
		}
		select {
		case <-time.After(orphanPoll):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// orphans are the ids of the queries of this job that still run. Where the login may not
// see the list the output says so.
func (s *session) orphans(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, s.connectTime)
	defer cancel()
	list := "SELECT array_join(array_agg(query_id), ' ') FROM system.runtime.queries WHERE source = " + quote(s.job.Token()) +
		" AND state NOT IN ('FINISHED', 'FAILED')"
	header := http.Header{}
	header.Set(s.prefix+"Source", "tagexec")
	r, err := s.query(ctx, list, header, true, func(string) {})
	switch {
	case err != nil:
		return nil, sql.NoConnection(overhttp.Reason(err))
	case r.told != nil:
		fmt.Fprintf(s.job.Output, "whether a query of an earlier attempt runs is not known: %s: %s\n", r.told.ErrorName, r.told.Message)
		return nil, nil
	}
	var ids string
	if len(r.row) == 1 {
		_ = json.Unmarshal(r.row[0], &ids) // null leaves it empty
	}
	return strings.Fields(ids), nil
}
