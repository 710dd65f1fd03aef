package clickhouse

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql"
	"github.com/tagexec/tagexec/executor/runner/sql/overhttp"
)

// timeLimit is the setting by which the server ends a statement.
const timeLimit = "max_execution_time"

// sessionTime is how long the server keeps a session that nobody uses.
const sessionTime = time.Minute

type session struct {
	*engine
	job    sql.Job
	server server
	id     string // "": the statements share nothing
	ran    bool
}

func newSession(e *engine, job sql.Job, found server) *session {
	s := &session{engine: e, job: job, server: found}
	if !job.Atomic { // it may have several statements
		s.id = job.Token() + "-" + rand.Text()
	}
	return s
}

// Begin does nothing: there are no transactions, and limits go with each statement.
func (*session) Begin(context.Context) error { return nil }

// Commit does nothing: each statement has stored its work.
func (*session) Commit(context.Context) error { return nil }

// End leaves the session to the server, which forgets it: no request ends one.
func (s *session) End() { s.places.Leave() }

// QueryID is the query_id, the same for all attempts.
func (s *session) QueryID() string {
	if !s.ran {
		return ""
	}
	return s.job.Token()
}

// Exec runs one statement.
func (s *session) Exec(ctx context.Context, st sql.Statement) (sql.Done, error) {
	if len(st.Params) > 0 && !s.server.takesParams() {
		return sql.Done{}, executor.Refusef(sql.BadPayload, "%s has params, which ClickHouse takes since 19.14; this server is %s", st.Where, s.server.version)
	}
	if ctx.Err() != nil {
		return sql.Done{}, sql.Ended(ctx, st.Where)
	}
	r, before := s.request(ctx, st)
	s.ran = true
	a, err := s.run(ctx, r)
	if told := (*exception)(nil); errors.As(err, &told) && told.number == boundedSetting && r.settings[timeLimit] != "" {
		delete(r.settings, timeLimit) // nothing has run
		if a, err = s.run(ctx, r); err == nil {
			s.bounded.Store(true)
			s.lacks.Tell(timeLimit, "a bound of it in the login's profile ends statements, and not the time of their jobs")
		}
	}
	if err != nil {
		return sql.Done{}, s.failure(ctx, st, before, err)
	}
	return sql.Done{Rows: a.written, Row: s.result(a)}, nil
}

// request is a statement as it is sent, and how much stands before the job's text in it.
func (s *session) request(ctx context.Context, st sql.Statement) (r request, before int) {
	settings := map[string]string{"query_id": s.job.Token(), "replace_running_query": "1"}
	if limit, ok := sql.Limit(ctx); ok && !s.bounded.Load() {
		settings[timeLimit] = strconv.Itoa(int(limit.Seconds()))
	}
	if s.id != "" {
		settings["session_id"], settings["session_timeout"] = s.id, strconv.Itoa(int(sessionTime.Seconds()))
	}
	if s.server.has(endsWithReads) {
		settings[endsWithReads] = "1"
	}
	comment := s.job.Comment()
	if s.server.has(logComment) {
		settings[logComment] = comment
	}
	comment += " " // before the statement: behind VALUES it would be data
	for name, value := range st.Params {
		settings["param_"+name] = param(value)
	}
	return request{text: comment + st.Text, settings: settings, wantRow: st.WantRow}, len(comment)
}

// failure turns an error into that of the attempt, and tells the output all that the
// server said.
func (s *session) failure(ctx context.Context, st sql.Statement, before int, err error) error {
	var told *exception
	if errors.As(err, &told) {
		fmt.Fprintln(s.job.Output, told.text)
	}
	switch {
	case told != nil && ctx.Err() != nil && told.number == wasKilled, told == nil && ctx.Err() != nil:
		return sql.Ended(ctx, st.Where)
	case told != nil && (told.number == unknownParameter || told.number == wrongParameter):
		return sql.Failed(st.Where, sql.BadPayload, told.words(), true)
	case told != nil && told.number == tooMany:
		return sql.NotBegun{Failure: sql.Failed(st.Where, told.code(), told.words(), false)}
	case told != nil:
		return sql.Failed(st.Where, told.code(), told.words()+told.place(st.Text, before), told.permanent())
	case errors.Is(err, errTooLarge):
		return sql.RowTooLarge(st.Where)
	case overhttp.NotSent(err), errors.Is(err, overhttp.Redirect):
		return sql.NotBegun{Failure: sql.NoConnection(overhttp.Reason(err))}
	}
	return sql.CommitUnknown(st.Where)
}

// result is the first row. Where it is none the output says why.
func (s *session) result(a answer) json.RawMessage {
	if a.foreign {
		fmt.Fprintln(s.job.Output, "what the statement returned is no result: it has a FORMAT of its own")
	}
	if a.row == nil {
		return nil
	}
	row, err := a.object()
	if err != nil {
		fmt.Fprintf(s.job.Output, "the returned row could not be written as JSON: %v\n", err)
		return nil
	}
	return sql.Fits(row, s.job.Output)
}
