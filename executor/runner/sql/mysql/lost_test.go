//go:build engines

package mysql_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/tagexec/tagexec/executor"
	"github.com/tagexec/tagexec/executor/runner/sql/enginetest"
)

// breaker passes connections on to the server, and can break those that there are.
type breaker struct {
	url  string
	mu   sync.Mutex
	open []net.Conn
}

func newBreaker(t *testing.T, source string) *breaker {
	t.Helper()
	u, err := url.Parse(source)
	if err != nil {
		t.Fatal(err)
	}
	server := u.Host
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u.Host = listener.Addr().String()
	b := &breaker{url: u.String()}
	var work sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close()
		b.breakAll()
		work.Wait()
	})
	work.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			behind, err := net.Dial("tcp", server)
			if err != nil {
				t.Error(err)
				return
			}
			b.mu.Lock()
			b.open = append(b.open, client, behind)
			b.mu.Unlock()
			work.Go(func() { pass(client, behind) })
			work.Go(func() { pass(behind, client) })
		}
	})
	return b
}

func pass(from, to net.Conn) {
	_, _ = io.Copy(to, from) // until one is closed
	_ = to.Close()
}

func (b *breaker) breakAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, conn := range b.open {
		_ = conn.Close()
	}
	b.open = nil
}

// The server does not look whether somebody waits for a statement.
func TestAStatementWhoseConnectionIsLostIsEndedFromAnother(t *testing.T) {
	t.Parallel()
	source, admin := database(t)
	b := newBreaker(t, source)
	s := newSQL(t, b.url)
	ended := make(chan error, 1)
	go func() {
		_, err := s.Run(t.Context(), job(statement("SELECT count(*) FROM seq_1_to_100000 a, seq_1_to_100000 b WHERE md5(a.seq + b.seq) = 'x'")))
		ended <- err
	}()
	runs(t, admin, source, "md5")
	b.breakAll()
	wantFailure(t, <-ended, "connection_lost", false)
	enginetest.Eventually(t, 10*time.Second, "the statement is gone", func() bool { return !isListed(t, admin, source, "md5") })
}

func TestAServerOfAnotherProtocolIsSaidToBeOne(t *testing.T) {
	t.Parallel()
	for _, greeting := range []string{
		"\x05\x00\x00\x00\x0aabc\x00", // too short for what must follow the version
		"\x01\x00\x00\x00\x0a",
		"\x02\x00\x00\x05ab", // out of sequence
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var work sync.WaitGroup
		work.Go(func() {
			if conn, err := listener.Accept(); err == nil {
				_, _ = io.WriteString(conn, greeting)
				_ = conn.Close()
			}
		})
		_, err = newSQL(t, "mysql://u:hush@"+listener.Addr().String()).Run(t.Context(), job(statement("SELECT 1")))
		if f := wantFailure(t, err, "connection_failed", false); f.Message != `connecting to source "tags": what answers there does not speak the protocol of MySQL` {
			t.Errorf("%q: %s", greeting, f.Message)
		}
		_ = listener.Close()
		work.Wait()
	}
}

// It does not wait until the connection is given up.
func TestACancelledStatementIsKilledAtOnce(t *testing.T) {
	t.Parallel()
	source, admin := database(t)
	s := newSQL(t, source)
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := s.Run(ctx, job(statement("SELECT benchmark(1000000000000, md5('x'))")))
		ended <- err
	}()
	runs(t, admin, source, "benchmark")
	cancelled := time.Now()
	cancel(executor.ErrCancelled)
	if err := <-ended; !errors.Is(err, executor.ErrCancelled) || time.Since(cancelled) > time.Second {
		t.Errorf("got %v after %s", err, time.Since(cancelled))
	}
}
