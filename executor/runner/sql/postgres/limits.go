package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tagexec/tagexec/executor/runner/sql"
)

const (
	// idleLimit is how long the server keeps a transaction whose executor says
	// nothing; between two statements of a job pass milliseconds.
	idleLimit = time.Minute
	// checkInterval is how often the server looks, during a statement, whether
	// the executor's connection is still there.
	checkInterval = 5 * time.Second
)

// limitsKey is where a connection's limits are kept in its custom data.
const limitsKey = "tagexec limits"

// limits are the settings of a server or login that a job's transaction must
// respect, in milliseconds; 0 is no limit, absent means the server does not
// know the setting.
type limits map[string]int64

// learnLimits asks a new connection for its limits: the first answer, for which
// ctx limits the time. A server that cannot tell is not Postgres itself: then each
// limit is tried.
func (e *engine) learnLimits(ctx context.Context, conn *pgx.Conn) error {
	pg := conn.PgConn()
	found := limits{}
	pg.CustomData()[limitsKey] = found
	r := pg.ExecParams(ctx, `
		SELECT `+clockColumn+` AS clock,
		       max(setting) FILTER (WHERE name = 'statement_timeout') AS statement_timeout,
		       max(setting) FILTER (WHERE name = 'idle_in_transaction_session_timeout') AS idle_in_transaction_session_timeout,
		       max(setting) FILTER (WHERE name = 'client_connection_check_interval') AS client_connection_check_interval
		  FROM pg_catalog.pg_settings`, nil, nil, nil, nil).Read()
	for _, row := range r.Rows { // one: a connection passes no more on, see messages
		for i, field := range r.FieldDescriptions[:min(len(row), len(r.FieldDescriptions))] {
			if field.Name == "clock" {
				readClock(pg, row[i])
				continue
			}
			if n, err := strconv.ParseInt(string(row[i]), 10, 64); err == nil {
				found[field.Name] = n
			}
		}
	}
	if len(found) == 0 && !pg.IsClosed() {
		e.tryLimits(ctx, pg, found)
	}
	// Known but refused on some platforms.
	if n, ok := found[checkLimit]; ok && n == 0 && !takes(ctx, pg, checkLimit, checkInterval) {
		delete(found, checkLimit)
	}
	if pg.IsClosed() {
		return fmt.Errorf("read the limits of the session: %w", cmp.Or(r.Err, pgconn.ErrConnClosed))
	}
	return nil
}

// The limits, by their names.
const (
	statementLimit = "statement_timeout"
	idleLimitName  = "idle_in_transaction_session_timeout"
	checkLimit     = "client_connection_check_interval"
)

// tryLimits finds out which limits a server takes that cannot tell, and says of which
// it does not what is lost.
func (e *engine) tryLimits(ctx context.Context, pg *pgconn.PgConn, found limits) {
	for _, limit := range []struct{ name, lost string }{
		{statementLimit, "a statement whose executor died runs on to its end"},
		{idleLimitName, "a transaction whose executor died between two statements keeps its locks until the connection breaks"},
		{checkLimit, "the server does not look whether the executor of a statement is still there"},
	} {
		if takes(ctx, pg, limit.name, 0) {
			found[limit.name] = 0
		} else if !pg.IsClosed() {
			e.lacks.Tell(limit.name, limit.lost)
		}
	}
}

// takes reports whether the server takes a limit.
func takes(ctx context.Context, pg *pgconn.PgConn, name string, limit time.Duration) bool {
	return pg.Exec(ctx, fmt.Sprintf("SET %s = %d", name, limit.Milliseconds())).Close() == nil
}

// Begin opens a job's transaction, or nothing where it has none, with the limits
// that make the server end the job's work should this executor vanish. It waits for
// nothing but the server, which may have fallen silent: then it gives up.
func (s *session) Begin(ctx context.Context) error {
	bound, cancel := context.WithTimeout(ctx, s.conn.Conn().Config().ConnectTimeout)
	defer cancel()
	s.pg.CustomData()[notesKey] = s.job.Output
	if s.job.Attempt > 1 {
		if err := s.endOrphans(bound); err != nil {
			return connectFailure(err)
		}
	}
	if s.engine.plain.Load() {
		return s.beginPlainly(ctx, bound)
	}
	verb, statements := "SET LOCAL", []string{"-- tagexec: begin\nBEGIN ISOLATION LEVEL READ COMMITTED"}
	if !s.job.Atomic {
		verb, statements = "SET", nil // until the connection is reset
	}
	for _, setting := range s.settings(ctx) {
		statements = append(statements, verb+" "+setting)
	}
	err := s.pg.Exec(bound, strings.Join(statements, "; ")).Close()
	var server *pgconn.PgError
	if errors.As(err, &server) && neverPasses(server.Code) { // what we say, not the job
		s.rollback()
		if err := s.beginPlainly(ctx, bound); err != nil {
			return err
		}
		s.engine.plain.Store(true)
		s.engine.lacks.Tell("BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL …", "transactions have the isolation level of the server, and limits that it takes one by one")
		return nil
	}
	if err != nil {
		return connectFailure(err)
	}
	return nil
}

// beginPlainly sends one statement at a time, the simplest that there are, and does
// without limits that are refused. They hold until the connection is reset.
func (s *session) beginPlainly(ctx, bound context.Context) error {
	for _, setting := range s.settings(ctx) {
		if err := s.pg.Exec(bound, "SET "+setting).Close(); err != nil && s.pg.IsClosed() {
			return connectFailure(err)
		} else if err != nil {
			s.engine.lacks.Tell("SET "+setting[:strings.IndexByte(setting, ' ')], "the server ends nothing by this limit")
		}
	}
	if !s.job.Atomic {
		return nil
	}
	if err := s.pg.Exec(bound, "BEGIN").Close(); err != nil {
		return connectFailure(err)
	}
	return nil
}

// name is what a session is called while it runs an attempt of a job; at most 55 bytes of
// the 63 that there may be.
func name(job sql.Job, attempt int32) string {
	return fmt.Sprintf("%s attempt=%d", job.Mark(), attempt)
}

// settings are those of a job's session, as in SET: the name of the job, for who looks at
// pg_stat_activity, unless the source has one of its own; and the limits. A stricter limit of
// the login stays.
func (s *session) settings(ctx context.Context) (list []string) {
	if s.engine.unnamed {
		list = append(list, "application_name = '"+name(s.job, s.job.Attempt)+"'")
	}
	known, _ := s.pg.CustomData()[limitsKey].(limits)
	set := func(name string, limit time.Duration) {
		have, ok := known[name]
		ms := min(max(limit.Milliseconds(), 1), math.MaxInt32)
		if ok && (have == 0 || have > ms) {
			list = append(list, fmt.Sprintf("%s = %d", name, ms))
		}
	}
	if limit, ok := sql.Limit(ctx); ok {
		set(statementLimit, limit)
	}
	set(idleLimitName, idleLimit)
	set(checkLimit, checkInterval)
	return list
}
