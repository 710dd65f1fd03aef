package storetest

import (
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// Silent is a server that lets some clients in and then says nothing more to
// them; the others it passes on to a real one.
type Silent struct {
	URL string // of the real server's database, by way of this one

	listener net.Listener
	real     string
	left     atomic.Int64 // clients that hear nothing more, before others are passed on
	hung     atomic.Int64
	work     sync.WaitGroup
	mu       sync.Mutex
	open     map[net.Conn]bool // nil: closed
}

// Everybody is more clients than a test has.
const Everybody = 1 << 30

// NewSilent starts one before the database at url: the first clients, so many,
// hear nothing more after their login. It ends with the test.
func NewSilent(t testing.TB, database string, clients int64) *Silent {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	s := &Silent{real: u.Host, open: map[net.Conn]bool{}}
	s.left.Store(clients)
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	u.Host = s.listener.Addr().String()
	s.URL = u.String()
	s.work.Go(s.accept)
	t.Cleanup(s.Close)
	return s
}

// Hush falls silent towards all clients that are there, for good.
func (s *Silent) Hush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.open {
		if p, ok := conn.(*passing); ok {
			p.hushed.Store(true)
		}
	}
}

// passing is a client that is passed on.
type passing struct {
	net.Conn
	hushed atomic.Bool
}

// Write swallows what a client is not to hear.
func (p *passing) Write(b []byte) (int, error) {
	if p.hushed.Load() {
		return len(b), nil
	}
	return p.Conn.Write(b)
}

// Next makes so many clients that come from now on hear nothing.
func (s *Silent) Next(clients int64) { s.left.Store(clients) }

// Hung returns how many clients were let in and hear nothing.
func (s *Silent) Hung() int64 { return s.hung.Load() }

// Close ends it, as a server that goes away.
func (s *Silent) Close() {
	_ = s.listener.Close()
	s.mu.Lock()
	for conn := range s.open {
		_ = conn.Close()
	}
	s.open = nil
	s.mu.Unlock()
	s.work.Wait()
}

func (s *Silent) accept() {
	for {
		client, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.work.Go(func() {
			client := &passing{Conn: client}
			defer s.drop(client)
			if !s.keep(client) {
				return
			}
			if s.left.Add(-1) >= 0 {
				s.hang(client)
				return
			}
			server, err := net.Dial("tcp", s.real)
			if err != nil {
				return
			}
			defer s.drop(server)
			if !s.keep(server) {
				return
			}
			s.work.Go(func() {
				_, _ = io.Copy(server, client) // ends with either
				_ = server.(*net.TCPConn).CloseWrite()
			})
			_, _ = io.Copy(client, server)
		})
	}
}

// keep notes a connection that close has to close, unless that was called.
func (s *Silent) keep(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open != nil {
		s.open[conn] = true
	}
	return s.open != nil
}

func (s *Silent) drop(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = conn.Close()
	delete(s.open, conn)
}

// hang lets a client in, and then only listens.
func (s *Silent) hang(client net.Conn) {
	backend := pgproto3.NewBackend(client, client)
	for {
		message, err := backend.ReceiveStartupMessage()
		if err != nil {
			return
		}
		switch message.(type) {
		case *pgproto3.SSLRequest, *pgproto3.GSSEncRequest:
			if _, err := client.Write([]byte{'N'}); err != nil {
				return
			}
			continue
		case *pgproto3.StartupMessage:
			backend.Send(&pgproto3.AuthenticationOk{})
			backend.Send(&pgproto3.BackendKeyData{ProcessID: 1, SecretKey: []byte{0, 0, 0, 1}})
			backend.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
			if backend.Flush() != nil {
				return
			}
			s.hung.Add(1)
		}
		_, _ = io.Copy(io.Discard, client) // also what follows a cancel request
		return
	}
}
