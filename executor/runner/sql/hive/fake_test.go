package hive_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/beltran/gohive/hiveserver"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner"
	"github.com/tagexec/tagexec/store"
)

// fake is a server that wants no SASL. It answers what a test does not answer itself as one
// that has nothing to do.
type fake struct {
	hiveserver.TCLIService // nil: nothing else is asked
	execute                func() *hiveserver.TExecuteStatementResp
	status                 func() *hiveserver.TGetOperationStatusResp

	mu         sync.Mutex
	conns      []net.Conn
	statements []string
	closed     chan struct{} // a session was
}

var (
	done      = &hiveserver.TStatus{StatusCode: hiveserver.TStatusCode_SUCCESS_STATUS}
	id        = &hiveserver.THandleIdentifier{GUID: []byte("0123456789abcdef"), Secret: []byte("0123456789abcdef")}
	operation = &hiveserver.TOperationHandle{OperationId: id, OperationType: hiveserver.TOperationType_EXECUTE_STATEMENT}
)

func (f *fake) OpenSession(context.Context, *hiveserver.TOpenSessionReq) (*hiveserver.TOpenSessionResp, error) {
	return &hiveserver.TOpenSessionResp{Status: done, SessionHandle: &hiveserver.TSessionHandle{SessionId: id}}, nil
}

func (f *fake) ExecuteStatement(_ context.Context, r *hiveserver.TExecuteStatementReq) (*hiveserver.TExecuteStatementResp, error) {
	f.mu.Lock()
	f.statements = append(f.statements, r.Statement)
	f.mu.Unlock()
	if f.execute != nil {
		return f.execute(), nil
	}
	return &hiveserver.TExecuteStatementResp{Status: done, OperationHandle: operation}, nil
}

func (f *fake) GetOperationStatus(context.Context, *hiveserver.TGetOperationStatusReq) (*hiveserver.TGetOperationStatusResp, error) {
	if f.status != nil {
		return f.status(), nil
	}
	finished := hiveserver.TOperationState_FINISHED_STATE
	return &hiveserver.TGetOperationStatusResp{Status: done, OperationState: &finished}, nil
}

func (f *fake) CloseOperation(context.Context, *hiveserver.TCloseOperationReq) (*hiveserver.TCloseOperationResp, error) {
	return &hiveserver.TCloseOperationResp{Status: done}, nil
}

func (f *fake) CloseSession(context.Context, *hiveserver.TCloseSessionReq) (*hiveserver.TCloseSessionResp, error) {
	close(f.closed)
	return &hiveserver.TCloseSessionResp{Status: done}, nil
}

// hangUp closes the connections that there are.
func (f *fake) hangUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, conn := range f.conns {
		_ = conn.Close()
	}
}

// source starts the server and returns its URL.
func (f *fake) source(t *testing.T) string {
	t.Helper()
	f.closed = make(chan struct{})
	l := listen(t)
	var work sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		f.hangUp()
		work.Wait()
	})
	work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.conns = append(f.conns, conn)
			f.mu.Unlock()
			work.Go(func() {
				defer conn.Close()
				protocol := thrift.NewTBinaryProtocolConf(thrift.NewTSocketFromConnConf(conn, nil), nil)
				for going := true; going; {
					going, _ = hiveserver.NewTCLIServiceProcessor(f).Process(context.Background(), protocol, protocol)
				}
			})
		}
	})
	return "hive://tagger:hush@" + l.Addr().String() + "/default?auth=none"
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func run(ctx context.Context, t *testing.T, source string) (executor.Report, error) {
	t.Helper()
	r, err := runner.NewSQL(ctx, map[string]string{"tags": source}, runner.SQLOptions{Queue: "5f0c2a9be771"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	return r.Run(ctx, &store.Job{Claim: store.Claim{ID: 7, Attempt: 1}, Tag: "high_value", Payload: json.RawMessage(`{"statement": "SET x=1"}`)})
}

func TestAnswersThatLackSomethingFailTheAttempt(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]*fake{
		"no operation": {execute: func() *hiveserver.TExecuteStatementResp { return &hiveserver.TExecuteStatementResp{Status: done} }},
		"no state":     {status: func() *hiveserver.TGetOperationStatusResp { return &hiveserver.TGetOperationStatusResp{Status: done} }},
	} {
		var failed *executor.Failure
		if _, err := run(t.Context(), t, f.source(t)); !errors.As(err, &failed) || failed.Permanent {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A server need not end a statement whose connection breaks.
func TestTheSessionOfALostConnectionIsClosedOnAnother(t *testing.T) {
	t.Parallel()
	f := &fake{}
	f.status = func() *hiveserver.TGetOperationStatusResp {
		f.hangUp()
		return &hiveserver.TGetOperationStatusResp{Status: done}
	}
	_, err := run(t.Context(), t, f.source(t))
	var failed *executor.Failure
	if !errors.As(err, &failed) || failed.Code != "commit_unknown" || failed.Permanent {
		t.Errorf("got %v: nothing is rolled back", err)
	}
	select {
	case <-f.closed:
	default:
		t.Error("the session is still open")
	}
}

// Behind a SET it would be a part of the value, and Hive takes no other kind of comment.
func TestNothingStandsBehindAStatement(t *testing.T) {
	t.Parallel()
	f := &fake{}
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	if _, err := run(executor.WithTraceparent(t.Context(), trace), t, f.source(t)); err != nil {
		t.Fatal(err)
	}
	if got, want := f.statements[0], "-- tagexec 5f0c2a9be771 job=7 attempt=1 tag=high_value traceparent='"+trace+"'\nSET x=1"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
}

// It does not use up the time in which a job must end.
func TestACancelEndsTheWaitForAServerThatSaysNothing(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"to the login":   "",
		"to the session": "\x05\x00\x00\x00\x00", // the login is taken
	} {
		l := listen(t)
		defer l.Close()
		ctx, cancel := context.WithCancelCause(t.Context())
		var cancelled time.Time
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = conn.Read(make([]byte, 100))
			_, _ = io.WriteString(conn, answer)
			if answer != "" {
				_, _ = conn.Read(make([]byte, 100))
			}
			cancelled = time.Now()
			cancel(executor.ErrCancelled)
			<-t.Context().Done()
		}()
		_, err := run(ctx, t, strings.Replace("hive://tagger:hush@HOST/default", "HOST", l.Addr().String(), 1))
		if took := time.Since(cancelled); !errors.Is(err, executor.ErrCancelled) || took > store.KillGrace {
			t.Errorf("%s: got %v after %s", name, err, took)
		}
	}
}

// A server that asks for no login refuses an empty one.
func TestWhoNamesNoLoginIsAnonymous(t *testing.T) {
	t.Parallel()
	l := listen(t)
	defer l.Close()
	said := make(chan string)
	go func() {
		defer close(said)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		message := make([]byte, 100)
		n, _ := conn.Read(message)
		said <- string(message[:n])
	}()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = run(t.Context(), t, "spark://"+l.Addr().String()) // nothing answers
	}()
	if got := <-said; !strings.HasSuffix(got, "\x00anonymous\x00anonymous") {
		t.Errorf("logged in by %q", got)
	}
	<-ended
}
