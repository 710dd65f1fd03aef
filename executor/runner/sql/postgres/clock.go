package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql"
)

// clockKey is where a connection's clocks are kept in its custom data.
const clockKey = "tagexec clocks"

// clocks are the server's clock and ours, read at the same time.
type clocks struct {
	server int64     // milliseconds since 1970
	here   time.Time // monotonic
}

// clockColumn asks for the server's clock.
const clockColumn = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"

// readClock notes the server's clock, as it came with an answer just now.
func readClock(pg *pgconn.PgConn, text []byte) (clocks, bool) {
	server, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return clocks{}, false
	}
	now := clocks{server: server, here: time.Now()}
	pg.CustomData()[clockKey] = now
	return now, true
}

// unlessClockWasSet returns err; or, where the server ended a transaction by its
// limit before the time because its clock was set forward, that nothing of it was
// kept: it is rolled back. A limit that the job or its login sets is no reason: the
// clock must have been seen to go.
func (s *session) unlessClockWasSet(ctx context.Context, err error) error {
	var server *pgconn.PgError
	before, ok := s.pg.CustomData()[clockKey].(clocks)
	if !ok || !s.job.Atomic || ctx.Err() != nil || !errors.As(err, &server) || server.Code != pgerrcode.QueryCanceled {
		return err
	}
	s.rollback()
	answer := s.pg.ExecParams(ctx, "SELECT "+clockColumn, nil, nil, nil, nil).Read()
	if answer.Err != nil || len(answer.Rows) != 1 {
		return err
	}
	now, ok := readClock(s.pg, answer.Rows[0][0])
	ahead := time.Duration(now.server-before.server)*time.Millisecond - now.here.Sub(before.here)
	if !ok || ahead < sql.LimitMargin {
		return err
	}
	return &executor.Interrupted{Reason: fmt.Sprintf("the server's clock was set forward by %s, so it ended the statements before their time", ahead.Round(time.Second))}
}
