package hive

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/beltran/gohive/hiveserver"
	"github.com/google/uuid"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql"
)

const (
	// cancelTime is how long a server may take to end a statement after it was asked to;
	// after that the connection is closed, and its session with it.
	cancelTime = 2 * time.Second
	// pause is how often a server is asked whether a statement has ended, at most.
	pause = 50 * time.Millisecond
	// maxUnsaid is how often a server is asked that says that a statement failed, but not why.
	maxUnsaid = 20
	// closeTime is how long the end of a session may take. With cancelTime it is less than
	// store.KillGrace.
	closeTime = 500 * time.Millisecond
)

// session is a session of the server. Each statement is an operation of its own.
type session struct {
	engine *engine
	conn   *connection
	handle *hiveserver.TSessionHandle
	job    sql.Job
	query  string
}

// Begin has nothing to do: there are no transactions, and limits go with each statement.
func (*session) Begin(context.Context) error { return nil }

// Commit has nothing to do: each statement has made its work lasting.
func (*session) Commit(context.Context) error { return nil }

// QueryID is the number of the operation, as Spark's page shows it.
func (s *session) QueryID() string { return s.query }

// End closes the session of the server, which ends what still runs in it. Not every server
// does so when the connection closes: if that was lost or cut, the session is closed on a
// second one.
func (s *session) End() {
	defer s.engine.places.Leave()
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	defer s.conn.Close()
	if s.close(ctx, s.conn) == nil {
		return
	}
	if second, err := dial(ctx, s.engine.source); err == nil {
		defer second.Close()
		_ = s.close(ctx, second) // it may have ended with its connection
	}
}

func (s *session) close(ctx context.Context, conn *connection) error {
	_, err := conn.client.CloseSession(ctx, &hiveserver.TCloseSessionReq{SessionHandle: s.handle})
	return err
}

// Exec runs one statement. Its answer comes at once; then the server is asked until it
// has ended.
func (s *session) Exec(ctx context.Context, st sql.Statement) (sql.Done, error) {
	if ctx.Err() != nil {
		return sql.Done{}, sql.Ended(ctx, st.Where)
	}
	seconds := int64(0)
	if limit, ok := sql.Limit(ctx); ok {
		seconds = int64(math.Ceil(limit.Seconds()))
	}
	attentive := context.AfterFunc(ctx, s.conn.Close) // while there is no operation yet that could be cancelled
	started, err := s.conn.client.ExecuteStatement(ctx, &hiveserver.TExecuteStatementReq{
		SessionHandle: s.handle, Statement: s.marked(ctx, st.Text), RunAsync: true, QueryTimeout: seconds,
	})
	attentive()
	if err == nil {
		err = refused(started.Status)
	}
	if err == nil && (started.OperationHandle == nil || started.OperationHandle.OperationId == nil) {
		err = errIncomplete
	}
	if err != nil {
		return sql.Done{}, s.failure(ctx, st, err)
	}
	if id, err := uuid.FromBytes(started.OperationHandle.OperationId.GUID); err == nil {
		s.query = id.String()
	}
	ended, err := s.wait(ctx, started.OperationHandle)
	if err != nil {
		return sql.Done{}, s.failure(ctx, st, err)
	}
	var done sql.Done
	if ended.NumModifiedRows != nil && *ended.NumModifiedRows >= 0 {
		done.Rows = ended.NumModifiedRows
	}
	defer context.AfterFunc(ctx, s.conn.Close)() // what follows is short
	if st.WantRow && started.OperationHandle.HasResultSet {
		done.Row, err = s.firstRow(ctx, started.OperationHandle)
		if errors.Is(err, errTooLong) {
			return sql.Done{}, sql.RowTooLarge(st.Where)
		}
		if err != nil {
			return sql.Done{}, s.failure(ctx, st, err)
		}
	}
	_, _ = s.conn.client.CloseOperation(ctx, &hiveserver.TCloseOperationReq{OperationHandle: started.OperationHandle})
	return done, nil
}

// marked is a statement with the name of its job and its trace, in a comment of the kind that
// every version of Hive takes. It stands before it, in a line of its own: behind a SET it
// would belong to the value. See ownLine.
func (s *session) marked(ctx context.Context, text string) string {
	comment := strings.TrimSuffix(strings.TrimPrefix(s.job.Comment(), "/* "), " */")
	if parent := executor.Traceparent(ctx); sql.IsTraceparent(parent) {
		comment += " traceparent='" + parent + "'"
	}
	return "-- " + comment + "\n" + text
}

// wait asks until a statement has ended. When ctx ends, it ends the statement from a
// second connection, since a server may keep a question on the first.
func (s *session) wait(ctx context.Context, operation *hiveserver.TOperationHandle) (*hiveserver.TGetOperationStatusResp, error) {
	alive := context.WithoutCancel(ctx) // asking goes on until the server says that it has ended
	waiting, stop := context.WithCancel(alive)
	defer stop()
	ended := context.AfterFunc(ctx, func() { s.cancel(waiting, operation) })
	defer ended()
	for unsaid := 0; ; {
		asked := time.Now()
		status, err := s.conn.client.GetOperationStatus(alive, &hiveserver.TGetOperationStatusReq{OperationHandle: operation})
		if err == nil {
			err = refused(status.Status)
		}
		if err == nil && status.OperationState == nil {
			err = errIncomplete
		}
		if err != nil {
			return nil, err
		}
		switch *status.OperationState {
		case hiveserver.TOperationState_FINISHED_STATE:
			return status, nil
		case hiveserver.TOperationState_ERROR_STATE:
			if unsaid++; status.GetErrorMessage() == "" && unsaid < maxUnsaid { // Spark says so a moment before it says why
				time.Sleep(pause)
				continue
			}
		case hiveserver.TOperationState_INITIALIZED_STATE, hiveserver.TOperationState_PENDING_STATE, hiveserver.TOperationState_RUNNING_STATE:
			// Most servers have waited before they answered.
			time.Sleep(pause - time.Since(asked))
			continue
		}
		return nil, errorOf(status)
	}
}

// cancel ends a statement, or, where the server does not do that in time, the
// connection and with it its session.
func (s *session) cancel(waiting context.Context, operation *hiveserver.TOperationHandle) {
	bound, stop := context.WithTimeout(waiting, cancelTime)
	defer stop()
	if conn, err := dial(bound, s.engine.source); err == nil {
		_, _ = conn.client.CancelOperation(bound, &hiveserver.TCancelOperationReq{OperationHandle: operation})
		conn.Close()
	}
	<-bound.Done()
	if waiting.Err() == nil {
		s.conn.Close()
	}
}

// failure is the error of the attempt for what a call returned.
func (s *session) failure(ctx context.Context, st sql.Statement, err error) error {
	var said *serverError
	if errors.As(err, &said) {
		fmt.Fprintln(s.job.Output, said.message)
	}
	switch {
	case ctx.Err() != nil:
		return sql.Ended(ctx, st.Where)
	case said != nil:
		return said.failure(st.Where)
	case errors.Is(err, errTooLong):
		return executor.Refusef("message_too_large", "%s: the server sent an answer longer than an executor takes", st.Where)
	}
	return sql.CommitUnknown(st.Where)
}
