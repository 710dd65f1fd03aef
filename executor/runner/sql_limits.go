package runner

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// deadlineMargin is how much later than the job's own deadline the server
	// ends a statement by itself: it only has to when the executor is gone.
	deadlineMargin = 10 * time.Second
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
// ctx limits the time. A server that cannot tell gets no limits set: it is not
// Postgres itself.
func learnLimits(ctx context.Context, conn *pgx.Conn) error {
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
		for i, field := range r.FieldDescriptions {
			if field.Name == "clock" {
				readClock(pg, row[i])
				continue
			}
			if n, err := strconv.ParseInt(string(row[i]), 10, 64); err == nil {
				found[field.Name] = n
			}
		}
	}
	// Known but refused on some platforms.
	const check = "client_connection_check_interval"
	if n, ok := found[check]; ok && n == 0 {
		if pg.Exec(ctx, fmt.Sprintf("SET %s = %d", check, checkInterval.Milliseconds())).Close() != nil {
			delete(found, check)
		}
	}
	if pg.IsClosed() {
		return fmt.Errorf("read the limits of the session: %w", cmp.Or(r.Err, pgconn.ErrConnClosed))
	}
	return nil
}

// beginStatement opens a job's transaction, or nothing where it has none, with
// the limits that make the server end the job's work should this executor vanish.
// A stricter limit of the login stays.
func beginStatement(ctx context.Context, pg *pgconn.PgConn, atomic bool) string {
	statements := []string{"-- tagexec: begin\nBEGIN ISOLATION LEVEL READ COMMITTED"}
	verb := "SET LOCAL"
	if !atomic {
		statements, verb = nil, "SET" // until the connection is reset
	}
	known, _ := pg.CustomData()[limitsKey].(limits)
	set := func(name string, limit time.Duration) {
		have, ok := known[name]
		ms := min(max(limit.Milliseconds(), 1), math.MaxInt32)
		if ok && (have == 0 || have > ms) {
			statements = append(statements, fmt.Sprintf("%s %s = %d", verb, name, ms))
		}
	}
	if deadline, ok := ctx.Deadline(); ok {
		set("statement_timeout", time.Until(deadline)+deadlineMargin)
	}
	set("idle_in_transaction_session_timeout", idleLimit)
	set("client_connection_check_interval", checkInterval)
	return strings.Join(statements, "; ")
}
